"""The class of futures, and the errors of those who wait."""

from ._core import Future, FutureCancelled, NotThreadedError

__all__ = ["Future", "FutureCancelled", "NotThreadedError"]
