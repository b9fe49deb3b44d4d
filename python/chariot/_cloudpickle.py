"""The pickler that the codec falls back to where pickle refuses a value: lambdas, closures, classes inside functions."""

import sys

import cloudpickle  # type: ignore[import-untyped]

from chariot import _core


def _is_in_program(obj: object) -> bool:
    """True for what every PE has under the same name, since all of them run the same program."""
    program = sys.modules.get("__main__")
    if getattr(obj, "__module__", None) != "__main__" or not hasattr(program, "__file__"):
        return False
    found = program
    for name in getattr(obj, "__qualname__", "").split("."):
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
