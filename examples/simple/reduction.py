"""Reductions: what all elements contribute meets in one value, which goes wherever you want it.

    chariot run -n 4 examples/simple/reduction.py
"""
from __future__ import annotations

from typing import Any

import numpy as np

from chariot import Array, Chare, Reducer, charm, coro
from chariot.threads import Future

ELEMENTS = 20


class Worker(Chare):
    def sum_to(self, target: Any) -> None:
        self.reduce(target, self.thisIndex[0], Reducer.sum)

    def vector_to(self, target: Any) -> None:
        self.reduce(target, np.array([1.0, self.thisIndex[0]]), Reducer.max)

    def names_to(self, target: Any) -> None:
        self.reduce(target, f"w{self.thisIndex[0]}", Reducer.gather)

    def report(self, total: int) -> None:
        """The target of a reduction may be a method, of one element or of all."""
        print(f"element {self.thisIndex} was told the total: {total}")

    @coro
    def agree(self) -> int:
        """Every element gets the result."""
        return int(self.allreduce(1, Reducer.sum).get())


def main(args: list[str]) -> None:
    workers = Array(Worker, ELEMENTS)

    total: Future[int] = charm.Future()
    workers.sum_to(total)
    print(f"sum of the indices: {total.get()}")

    largest: Future[Any] = charm.Future()
    workers.vector_to(largest)
    print(f"largest of each component: {largest.get()}")

    names: Future[list[str]] = charm.Future()
    workers.names_to(names)
    print(f"sorted by index: {' '.join(names.get())}")

    workers.sum_to(workers[0].report)
    print(f"all counted {set(workers.agree(ret=True).get())} elements")
    charm.waitQD()  # until nothing is under way any more: the report has arrived
    charm.exit()


charm.start(main)
