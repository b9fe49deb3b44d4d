"""Other names of @coro, for programs that know them."""

from __future__ import annotations

import warnings

from ._core import coro

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])


def coro_ext(event_notify: bool = False) -> Callable[[_F], _F]:
    """@coro_ext(event_notify=True) is @coro: here a scheduler learns of every pause of a task, asked or not."""
    if callable(event_notify):
        raise TypeError("write @coro_ext(event_notify=...) with parentheses, or @coro")
    return coro


def threaded(function: _F) -> _F:
    """The old name of @coro."""
    warnings.warn("@threaded is now called @coro", DeprecationWarning, stacklevel=2)
    return coro(function)
