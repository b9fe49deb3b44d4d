"""charm.load(): shared libraries of chare types that are written in C.

Each type becomes a class, which Chare(), Group() and Array() take as any other. Before the job runs the classes join
the program's; while it runs they are registered on all PEs in the three steps of _runtime.py.
"""

from __future__ import annotations

import copyreg
import os
import sys

from . import _core
from ._core import Chare, Charm4PyError, charm

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from typing import Any


class _InC(type):
    """The class of classes that stand for types in C: they travel by name, since no module has them."""

    library: str

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        raise TypeError(f"{cls.__name__} is written in C: create it by Chare({cls.__name__}), Group() or Array()")


_known: dict[str, Library] = {}  # by file: those whose types have numbers
_classes: dict[str, _InC] = {}  # by the name of the type


def _class_named(name: str, library: str) -> _InC:
    if name not in _classes:
        raise Charm4PyError(f"{name} is a chare type of {library}, which is not loaded on PE {charm.myPe()}")
    return _classes[name]


def _by_name(cls: _InC) -> tuple[Any, ...]:
    return _class_named, (_name_of(cls), cls.library)


def _name_of(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}".lstrip(".")


copyreg.pickle(_InC, _by_name)


class Library:
    """What charm.load() gives: a class for each chare type, by the last part of its name, and the reducers."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._handle, self.__doc__, types, self._reducers = _core._library_open(file)
        self._types = [self._make(name, description) for name, description in types]
        self._opened = False  # programs may use it

    def _make(self, name: str, description: str | None) -> _InC:
        module, _, short = name.rpartition(".")
        body = {"__module__": module, "__qualname__": short, "__doc__": description, "library": self._file}
        return _InC(short, (Chare,), body)

    # The three steps. The same library may be on its way twice: the first that gets numbers counts, on all PEs alike.

    def _check(self) -> None:
        if self._file in _known:
            return
        _core._library_check(self._handle)
        short = [each.__name__ for each in self._types] + [name.rpartition(".")[2] for name in self._reducers]
        twice = [name for name in short if short.count(name) > 1]
        if twice:
            raise Charm4PyError(f"it has two types or reducers named {twice[0]}")

    def _number(self) -> None:
        if _known.setdefault(self._file, self) is not self:
            return
        for i, each in enumerate(self._types):
            _core._library_type(self._handle, i, each)
        for i in range(len(self._reducers)):
            _core._library_reducer(self._handle, i)

    def _open(self) -> None:
        if _known[self._file]._opened:
            return
        if _known[self._file] is not self:
            return _known[self._file]._open()
        for each in self._types:
            _core._class_open(each)
            setattr(self, each.__name__, each)
            _classes[_name_of(each)] = each
        for name in self._reducers:
            _core._reducer_open(name)
            setattr(self, name.rpartition(".")[2], getattr(charm.reducers, name))
        self._opened = True

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        has = ", ".join([each.__name__ for each in self._types] + self._reducers) or "nothing"
        raise AttributeError(f"{self._file} has no chare type or reducer {name!r}: it has {has}")

    def __repr__(self) -> str:
        return f"<library {self._file}>"

    def __reduce__(self) -> Any:
        return load, (self._file,)


def find(path: str | os.PathLike[str]) -> str:
    """Its file: as it is said or, of a relative path, beside the program, then here; else it is the loader's to find."""
    name = os.fspath(path)
    if not isinstance(name, str) or not name:
        raise TypeError(f"charm.load() takes the path of a shared library, not {path!r}")
    for directory in (sys.path[0], os.getcwd()):  # the program's directory is the first
        if os.path.exists(os.path.join(directory, name)):
            return os.path.realpath(os.path.join(directory, name))
    return name


def open_library(path: str) -> Library:
    """Opens it and checks it; nothing is registered yet."""
    try:
        library = Library(find(path))
        library._check()
    except Charm4PyError as error:
        raise Charm4PyError(f"charm.load({path!r}) on PE {charm.myPe()}: {error}") from None
    return library


def load(path: str | os.PathLike[str]) -> Library:
    file = find(path)
    if file in _known and _known[file]._opened:
        return _known[file]
    if charm.started:
        charm.thisProxy.loadLibrary(os.fspath(path), awaitable=True).get()
        return _known[file]
    library = open_library(os.fspath(path))
    library._number()
    library._open()
    return library
