"""What agreeing costs in Python: barriers, broadcasts, reductions of large arrays, quiescence; what idle PEs use. Run on
1, 2, 4 and 8 PEs."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np
from bench import Clock, report, report_ms, report_us, resident_bytes
from chariot import Array, Chare, Group, Reducer, charm, coro

ELEMENTS = 1000
IDLE_S = 1.0


class Member(Chare):
    @coro
    def barriers(self, count: int) -> float:
        """Seconds."""
        self.allreduce().get()
        clock = Clock()
        for _ in range(count):
            self.allreduce().get()
        return clock.seconds()

    @coro
    def sums(self, count: int, size: int) -> float:
        """Seconds."""
        data = np.ones(size)
        self.allreduce().get()
        clock = Clock()
        for _ in range(count):
            self.allreduce(data, Reducer.sum).get()
        return clock.seconds()

    def nothing(self) -> None:
        pass

    def answer(self) -> int:
        return 1

    def used(self) -> float:
        """Processor seconds of this PE so far."""
        return time.process_time()


def first(proxy: Any, method: str, *args: Any) -> float:
    """What the first element saw: the last would have seen all others end their coroutines too."""
    return float(getattr(proxy, method)(*args, ret=True).get()[0])


def broadcasts(proxy: Any, count: int) -> None:
    for _ in range(count):
        proxy.nothing(awaitable=True).get()


def answers(proxy: Any, count: int) -> None:
    for _ in range(count):
        proxy.answer(ret=True).get()


def quiescences(count: int) -> None:
    for _ in range(count):
        charm.waitQD()


def launcher_ticks() -> int:
    """Processor time of the process that started this one, in clock ticks."""
    fields = open(f"/proc/{os.getppid()}/stat").read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def idle_percent(group: Any) -> tuple[float, float]:
    """Of one core, while nothing happens for a second: the PE that uses most, and all with their launcher."""
    before, ticks = group.used(ret=True).get(), launcher_ticks()
    clock = Clock()
    charm.sleep(IDLE_S)
    seconds = clock.seconds()
    after, more = group.used(ret=True).get(), launcher_ticks() - ticks
    each = [(end - begin) / seconds * 100 for begin, end in zip(before, after, strict=True)]
    return max(each), sum(each) + more / os.sysconf("SC_CLK_TCK") / seconds * 100


def main(args: list[str]) -> None:
    pes = charm.numPes()
    group = Group(Member)
    charm.awaitCreation(group)
    report(f"py.rss.{pes}", resident_bytes() / 1e6)
    report_us(f"py.barrier.{pes}", lambda n: first(group, "barriers", n))
    report_us(f"py.broadcast.{pes}", lambda n: broadcasts(group, n))
    report_us(f"py.quiescence.{pes}", quiescences)
    report_ms(f"py.allreduce.1m.{pes}", lambda n: first(group, "sums", n, 1 << 17))
    array = Array(Member, ELEMENTS)
    charm.awaitCreation(array)
    report_ms(f"py.array.broadcast.{pes}", lambda n: broadcasts(array, n))
    if pes <= 2:
        report_ms(f"py.array.answers.{pes}", lambda n: answers(array, n))
        report_ms(f"py.array.allreduce.{pes}", lambda n: first(array, "barriers", n))
    most, total = idle_percent(group)
    report(f"py.idle.most.{pes}", most)
    report(f"py.idle.all.{pes}", total)
    charm.exit()


charm.start(main)
