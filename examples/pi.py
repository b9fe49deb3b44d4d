"""The number pi by throwing darts: each PE throws its share, a reduction counts the hits.

    chariot run -n 4 examples/pi.py [DARTS]
"""
from __future__ import annotations

import numpy as np

from chariot import Chare, Group, Reducer, charm, coro


class Thrower(Chare):
    @coro
    def throw(self, darts: int) -> int:
        """Returns the hits of all PEs together: every element gets them."""
        random = np.random.default_rng(charm.myPe())
        x, y = random.random((2, darts))
        hits = int(np.count_nonzero(x * x + y * y < 1))
        total: int = self.allreduce(hits, Reducer.sum).get()
        return total


def main(args: list[str]) -> None:
    darts = int(args[1]) if len(args) > 1 else 4_000_000
    share = darts // charm.numPes()
    throwers = Group(Thrower)
    hits = throwers.throw(share, ret=True).get()
    assert len(set(hits)) == 1
    print(f"pi is about {4 * hits[0] / (share * charm.numPes()):.4f}")
    charm.exit()


charm.start(main)
