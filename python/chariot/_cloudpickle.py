"""The pickler that the codec falls back to where pickle refuses a value: lambdas, closures, classes inside functions."""

import sys
from collections.abc import Mapping

import cloudpickle  # type: ignore[import-untyped]

from chariot import _core


# In an interactive session: what of __main__ every PE has. Else it is all of the program's.
_shared: dict[str, object] | None = None


def share(name: str, value: object) -> None:
    assert _shared is not None
    _shared[name] = value


def share_all(names: Mapping[str, object]) -> None:
    """An interactive session begins, in which every PE has these names of __main__, and no others."""
    global _shared
    _shared = dict(names)


def _program() -> "Mapping[str, object]":
    if _shared is not None:
        return _shared
    program = sys.modules.get("__main__")
    return vars(program) if program is not None and hasattr(program, "__file__") else {}


def _is_in_program(obj: object) -> bool:
    """True for what every PE has under the same name, since all of them run the same program."""
    if getattr(obj, "__module__", None) != "__main__":
        return False
    first, *rest = getattr(obj, "__qualname__", "").split(".")
    found = _program().get(first)
    for name in rest:
        found = getattr(found, name, None)
    return found is obj


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle, but classes and functions of the program itself go by name: a copy of a class would be another."""

    def reducer_override(self, obj: object) -> object:
        if _is_in_program(obj):
            return NotImplemented
        reduced = _core._reduce_arrays(obj)
        if reduced is not NotImplemented:
            return reduced
        return super().reducer_override(obj)
