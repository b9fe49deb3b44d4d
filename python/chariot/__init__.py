"""Distributed objects: chares on every PE, called through proxies. See README.md of the project."""

from ._core import (
    Array,
    ArrayMap,
    Chare,
    Charm4PyError,
    Group,
    Options,
    charm,
    coro,
)

__version__ = "0.1.0"
charm4py_version = __version__

Reducer = charm.reducers
Future = charm.Future
threaded = coro

__all__ = [
    "Array",
    "ArrayMap",
    "Chare",
    "Charm4PyError",
    "Future",
    "Group",
    "Options",
    "Reducer",
    "charm",
    "charm4py_version",
    "coro",
    "threaded",
]
