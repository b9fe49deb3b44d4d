"""What agreeing costs in Python: barriers, broadcasts, reductions of large arrays. Run on 2 and on 4 PEs."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench import Clock, report, resident_bytes

from chariot import Array, Chare, Group, Reducer, charm, coro

ROUNDS = 2000
ELEMENTS = 1000


class Member(Chare):
    @coro
    def barriers(self, count: int) -> float:
        for _ in range(count // 10):
            self.allreduce().get()
        clock = Clock()
        for _ in range(count):
            self.allreduce().get()
        return clock.us_per(count)

    @coro
    def sums(self, count: int, size: int) -> float:
        data = np.ones(size)
        self.allreduce(data, Reducer.sum).get()
        clock = Clock()
        for _ in range(count):
            self.allreduce(data, Reducer.sum).get()
        return clock.us_per(count) / 1e3

    def nothing(self) -> None:
        pass

    def answer(self) -> int:
        return 1


def broadcasts(proxy: Any, count: int) -> float:
    for rounds in (count // 10, count):
        clock = Clock()
        for _ in range(rounds):
            proxy.nothing(awaitable=True).get()
    return clock.us_per(count)


def answers(proxy: Any, count: int) -> float:
    clock = Clock()
    for _ in range(count):
        proxy.answer(ret=True).get()
    return clock.us_per(count)


def main(args: list[str]) -> None:
    pes = charm.numPes()
    group = Group(Member)
    charm.awaitCreation(group)
    report(f"py.rss.{pes}", resident_bytes() / 1e6)
    report(f"py.barrier.{pes}", max(group.barriers(ROUNDS, ret=True).get()))
    report(f"py.broadcast.{pes}", broadcasts(group, ROUNDS))
    report(f"py.allreduce.1m.{pes}", max(group.sums(30, 1 << 17, ret=True).get()))
    array = Array(Member, ELEMENTS)
    charm.awaitCreation(array)
    report(f"py.array.broadcast.{pes}", broadcasts(array, 100) / 1e3)
    report(f"py.array.answers.{pes}", answers(array, 50) / 1e3)
    report(f"py.array.allreduce.{pes}", max(array.barriers(30, ret=True).get()) / 1e3)
    charm.exit()



charm.start(main)
