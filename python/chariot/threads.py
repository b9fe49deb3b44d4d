"""The class of futures, and the error of those who wait without being a coroutine."""

from ._core import Future, NotThreadedError

__all__ = ["Future", "NotThreadedError"]
