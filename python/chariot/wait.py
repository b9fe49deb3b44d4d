"""What waits for several things, under the name where programs of Charm4py look for it."""

from ._core import charm

wait = charm.wait
iwait = charm.iwait

__all__ = ["iwait", "wait"]
