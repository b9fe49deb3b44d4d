"""What it costs to move Python objects between 2 PEs: 1,000 elements of an array that go back and forth, each as soon as
it has arrived, with a small state and with one of 10 KB; and one alone, from migrate() to migrated(). Run on 2 PEs."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench import batches, report, report_us
from chariot import Array, Chare, Reducer, charm

ELEMENTS = 1000


class Cell(Chare):
    def __init__(self, size: int) -> None:
        self.name, self.number, self.at = "cell", self.thisIndex[0], [0.5, 0.25]
        self.left = 0
        self.done: Any = None
        if size > 0:
            self.data = np.zeros(size // 8)

    def go(self, hops: int, done: Any) -> None:
        self.left, self.done = hops, done
        self.migrated()

    def migrated(self) -> None:
        if self.left == 0:
            self.reduce(self.done, None, Reducer.nop)
        else:
            self.left -= 1
            self.migrate(1 - charm.myPe())


class Main(Chare):
    def __init__(self, args: list[str]) -> None:
        for name, size in (("small", 0), ("10k", 10_000)):
            many: Any = Array(Cell, ELEMENTS, args=[size])
            charm.awaitCreation(many)
            for seconds in batches(lambda n, many=many: self.move(many, n)):  # type: ignore[misc]
                report(f"py.migrate.{name}", ELEMENTS / seconds * 1e-3)
            many.destroy(awaitable=True).get()
        one = Array(Cell, 1, args=[0])
        charm.awaitCreation(one)
        report_us("py.migrate.there", lambda n: self.move(one, n))
        charm.exit()

    def move(self, cells: Any, hops: int) -> None:
        done = charm.Future()
        cells.go(hops, done)
        done.get()


charm.start(Main)
