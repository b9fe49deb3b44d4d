"""Floors in Python: a plain method call, an object, a pickled argument list; nothing of Chariot."""

from __future__ import annotations

import gc
import pickle

from bench import Clock, report, resident_bytes

CALLS = 2_000_000
OBJECTS = 100_000


class Plain:
    def __init__(self) -> None:
        self.sum = 0

    def add(self, value: int) -> None:
        self.sum += value


async def nothing() -> None:
    pass


def main() -> None:
    plain = Plain()
    clock = Clock()
    for n in range(CALLS):
        plain.add(n)
    report("py.floor.call", clock.millions_per_second(CALLS))

    clock = Clock()
    for n in range(CALLS // 10):
        pickle.loads(pickle.dumps((plain.add.__name__, n), 5))
    report("py.floor.pickle", clock.millions_per_second(CALLS // 10))

    clock = Clock()
    for n in range(CALLS // 4):
        try:
            nothing().send(None)
        except StopIteration:
            pass
    report("py.floor.async", clock.millions_per_second(CALLS // 4))

    gc.collect()
    before = resident_bytes()
    clock = Clock()
    objects = [Plain() for _ in range(OBJECTS)]
    report("py.floor.create", clock.ms())
    report("py.floor.memory", (resident_bytes() - before) / len(objects))


main()
