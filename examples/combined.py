"""One call to chares of several kinds: a group and an array, combined into one section.

    chariot run -n 4 examples/combined.py [WORKERS]

Each PE has a cache, and workers are spread over all of them. When the scale of a computation changes, the caches must
forget what they know and the workers must take the new scale, all of them before anything goes on: one awaited broadcast
to the combination of both. It knows the methods by their names, and named arguments too.
"""
from __future__ import annotations

import sys
from typing import Any

from chariot import Array, Chare, Group, Reducer, charm
from chariot.threads import Future


class Cache(Chare):
    """Squares, times the scale; one on each PE, which the workers there use directly."""

    def __init__(self) -> None:
        self.scale = 1
        self.known: dict[int, int] = {}
        self.rounds = 0

    def rescale(self, scale: int, round_: int) -> int:
        """Gives how many values it has forgotten."""
        forgotten = len(self.known)
        self.scale, self.rounds, self.known = scale, round_, {}
        return forgotten

    def value(self, x: int) -> int:
        return self.known.setdefault(x, x * x * self.scale)

    def round(self, target: Any, everything: Any) -> None:
        self.reduce(target, self.rounds, Reducer.min, section=everything)


class Worker(Chare):
    def __init__(self, caches: Any) -> None:
        self.cache: Cache = caches.ckLocalBranch()
        self.rounds = 0

    def rescale(self, round_: int = 0, scale: int = 1) -> int:
        """The same names as Cache.rescale has, in another order."""
        self.rounds = round_
        return 0

    def work(self, target: Future[int]) -> None:
        self.reduce(target, self.cache.value(self.thisIndex[0]), Reducer.sum)

    def round(self, target: Any, everything: Any) -> None:
        self.reduce(target, self.rounds, Reducer.min, section=everything)


def main(args: list[str]) -> None:
    count = int(args[1]) if len(args) > 1 else 20
    caches = Group(Cache)
    charm.awaitCreation(caches)
    workers = Array(Worker, count, args=[caches])
    everything = charm.combine(caches, workers)
    squares = sum(x * x for x in range(count))
    good = True
    for round_, scale in enumerate((1, 10, 7), start=1):
        forgotten = everything.rescale(scale=scale, round_=round_, ret=True).get()  # the caches' come first
        total: Future[int] = charm.Future()
        workers.work(total)
        least: Future[int] = charm.Future()
        everything.round(least, everything)  # a reduction over both
        print(f"round {round_}: {sum(forgotten)} values forgotten, the sum is {total.get()}")
        good &= total.get() == scale * squares and least.get() == round_
        good &= len(forgotten) == charm.numPes() + count and sum(forgotten) == (count if round_ > 1 else 0)
    print("all agree" if good else "they disagree")
    sys.exit(0 if good else 1)


charm.start(main)
