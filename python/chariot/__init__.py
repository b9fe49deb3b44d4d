"""Distributed objects: chares on every PE, called through proxies. See README.md of the project."""

from . import charm as _charm  # before the singleton takes its name
from ._compat import CkAbort, CkExit, CkMyPe, CkNumPes
from ._conditions import when
from ._core import (
    ARRAY,
    GROUP,
    Array,
    ArrayMap,
    Channel,
    Chare,
    Charm4PyError,
    Group,
    Options,
    charm,
    coro,
)
from ._coroutines import coro_ext, threaded
from ._expose import expose

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from typing import TypeVar

    from ._readonlies import readonlies

    _C = TypeVar("_C", bound=type[Chare])

__version__ = "0.1.0"
charm4py_version = __version__

Reducer = charm.reducers
Future = charm.Future


def register(C: "_C") -> "_C":
    """Class decorator: registers a chare class, wherever charm.start() would not find it."""
    charm.register(C)
    return C


def __getattr__(name: str) -> object:
    """readonlies is made at the first use: every PE of a program that uses it waits for its values at the start."""
    if name != "readonlies":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from ._readonlies import readonlies

    globals()[name] = readonlies
    return readonlies


def load_ipython_extension(shell: object) -> None:
    """%load_ext chariot"""
    from ._ipython import load

    load(shell)


__all__ = [
    "ARRAY",
    "Array",
    "ArrayMap",
    "Channel",
    "Chare",
    "Charm4PyError",
    "CkAbort",
    "CkExit",
    "CkMyPe",
    "CkNumPes",
    "Future",
    "GROUP",
    "Group",
    "Options",
    "Reducer",
    "charm",
    "charm4py_version",
    "coro",
    "coro_ext",
    "expose",
    "readonlies",
    "register",
    "threaded",
    "when",
]
