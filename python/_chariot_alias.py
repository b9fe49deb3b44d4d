"""Makes `import charm4py`, its sub-packages and `charmrun.start` find chariot, where CHARIOT_CHARM4PY says so.

chariot.pth in site-packages calls it at the start of every interpreter that has CHARIOT_CHARM4PY set; so does chariot.boot.
A name below charm4py is the module of that name below chariot, the same object, so classes are the same and pickles go
by chariot's names. Nothing of chariot is imported before a program asks.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import CodeType, ModuleType

_ROOTS = {"charm4py": "chariot", "charmrun": "chariot.charmrun"}


def _real_name(name: str) -> str | None:
    """charm4py.threads: chariot.threads. None: no name of ours."""
    root, dot, rest = name.partition(".")
    return _ROOTS[root] + dot + rest if root in _ROOTS else None


class _Loader:
    def __init__(self, real: ModuleSpec) -> None:
        self.real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return importlib.import_module(self.real.name)

    def exec_module(self, module: ModuleType) -> None:
        """It has been executed under its own name."""
        module.__spec__ = self.real
        _also_by_alias()

    def get_code(self, name: str) -> CodeType | None:
        """For python -m."""
        get_code = getattr(self.real.loader, "get_code", None)
        code: CodeType | None = None if get_code is None else get_code(self.real.name)
        return code


def _also_by_alias() -> None:
    """What is imported already is so under its alias too: importing it again would set the package's attribute anew."""
    for alias, real in _ROOTS.items():
        for name, module in list(sys.modules.items()):
            if name.startswith(real + "."):
                sys.modules.setdefault(alias + name[len(real) :], module)


class _Finder:
    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        real_name = _real_name(name)
        real = None if real_name is None else importlib.util.find_spec(real_name)
        if real is None:
            return None
        spec = importlib.util.spec_from_loader(name, _Loader(real), origin=real.origin)  # type: ignore[arg-type]
        if spec is not None:
            spec.submodule_search_locations = real.submodule_search_locations
        return spec


def install() -> None:
    if not any(finder is _Finder for finder in sys.meta_path):
        sys.meta_path.insert(0, _Finder)
