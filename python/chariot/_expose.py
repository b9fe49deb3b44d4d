"""@expose marks the methods that foreign programs may call; what it means is read by _describe.py."""

from __future__ import annotations

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])


def expose(function: _F) -> _F:
    """Foreign programs may call this method (charm.publish, charm.serve); others of its class they may not."""
    if not callable(function):
        raise TypeError("@expose stands before a method")
    bare(function)._chariot_exposed = True
    return function


def bare(function: Any) -> Any:
    """What a class gives: of a static method the function in it."""
    return function.__func__ if isinstance(function, staticmethod) else function
