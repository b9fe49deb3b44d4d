"""What sections cost in Python: half an array of 1,000, made into one by a function and by a slice, and a broadcast to
that half that is waited for. Run on 2 and 4 PEs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import Clock, report_ms, report_us
from chariot import Array, Chare, charm

ELEMENTS = 1000


class Cell(Chare):
    def nothing(self) -> None: ...


def upper_half(cell: Any) -> int:
    return 0 if cell.thisIndex[0] >= ELEMENTS // 2 else -1


def makings(make: Callable[[], Any], count: int) -> float:
    """Seconds for so many; they are destroyed after."""
    clock = Clock()
    made = [make() for _ in range(count)]
    seconds = clock.seconds()
    for section in made:
        section.destroy(awaitable=True).get()
    return seconds


def broadcasts(proxy: Any, count: int) -> None:
    for _ in range(count):
        proxy.nothing(awaitable=True).get()


def main(args: list[str]) -> None:
    pes = charm.numPes()
    array = Array(Cell, ELEMENTS)
    charm.awaitCreation(array)
    report_ms(f"py.section.split.{pes}", lambda n: makings(lambda: charm.split(array, 1, upper_half)[0], n))
    report_ms(f"py.section.slice.{pes}", lambda n: makings(lambda: array[ELEMENTS // 2 : ELEMENTS], n))
    half = array[ELEMENTS // 2 : ELEMENTS]
    report_us(f"py.section.broadcast.{pes}", lambda n: broadcasts(half, n))
    charm.exit()


charm.start(main)
