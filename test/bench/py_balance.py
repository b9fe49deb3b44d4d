"""What a step of load balancing costs where nothing is to be moved: AtSync() of all to resumeFromSync() of all, with a
balancer and without (which is the floor), with few elements and with many; and of gossip. Run on 2 and 4 PEs."""

from __future__ import annotations

import sys

from typing import Any

from bench import report_us
from chariot import Array, Chare, charm

MANY = 20000


class Cell(Chare):
    def step(self, ended: Any) -> None:
        self.ended = ended
        self.AtSync()

    def resumeFromSync(self) -> None:
        self.reduce(self.ended)


def steps(array: Any, count: int) -> None:
    for _ in range(count):
        ended = charm.Future()
        array.step(ended)
        ended.get()


def main(args: list[str]) -> None:
    pes, what = charm.numPes(), charm.options.lb.balancer or "without"
    few: Any = Array(Cell, pes, useAtSync=True)
    report_us(f"py.balance.{what}.few.{pes}", lambda n: steps(few, n))
    few.destroy(awaitable=True).get()
    many: Any = Array(Cell, MANY, useAtSync=True)
    charm.awaitCreation(many)
    report_us(f"py.balance.{what}.many.{pes}", lambda n: steps(many, n))
    charm.exit()


if len(sys.argv) > 1:
    charm.options.lb.balancer = sys.argv[1]
charm.start(main)
