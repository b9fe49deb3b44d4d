"""Floors in Python: a plain method call, an object, a pickled argument list; nothing of Chariot."""

from __future__ import annotations

import gc
import pickle

from bench import report, report_millions, resident_bytes

OBJECTS = 100_000


class Plain:
    def __init__(self) -> None:
        self.sum = 0

    def add(self, value: int) -> None:
        self.sum += value


async def nothing() -> None:
    pass


def calls(count: int) -> None:
    plain = Plain()
    for n in range(count):
        plain.add(n)


def pickles(count: int) -> None:
    for n in range(count):
        pickle.loads(pickle.dumps(("add", n), 5))


def asyncs(count: int) -> None:
    for _ in range(count):
        try:
            nothing().send(None)
        except StopIteration:
            pass


def main() -> None:
    report_millions("py.floor.call", calls)
    report_millions("py.floor.pickle", pickles)
    report_millions("py.floor.async", asyncs)
    gc.collect()
    before = resident_bytes()
    objects = [Plain() for _ in range(OBJECTS)]
    report("py.floor.memory", (resident_bytes() - before) / len(objects))


main()
