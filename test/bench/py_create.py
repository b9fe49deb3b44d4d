"""What it costs to make chares, and what they weigh, in Python. Run on 1, 2 and 8 PEs."""

from __future__ import annotations

import gc
from typing import Any

from bench import Clock, report, resident_bytes
from chariot import Array, Chare, charm

ELEMENTS = 100_000
SINGLES = 20_000
INSERTED = 50_000
REPEATS = 3


class Idle(Chare):
    def nothing(self) -> None:
        pass


def create_array(pes: int) -> None:
    gc.collect()
    before = resident_bytes()
    clock = Clock()
    array = Array(Idle, ELEMENTS)
    charm.awaitCreation(array)
    report(f"py.create.array.{pes}", clock.seconds())
    report(f"py.memory.{pes}", (resident_bytes() - before) / (ELEMENTS / pes))


def create_singles(pes: int) -> None:
    clock = Clock()
    singles = [Chare(Idle, onPE=n % pes) for n in range(SINGLES)]
    charm.awaitCreation(*singles[-pes:])
    report(f"py.create.single.{pes}", SINGLES / clock.seconds() / 1e3)


def insert(pes: int) -> None:
    clock = Clock()
    sparse: Any = Array(Idle, ndims=1)
    for n in range(INSERTED):
        sparse.ckInsert(n)
    sparse.ckDoneInserting()
    sparse.nothing(awaitable=True).get()
    report(f"py.insert.{pes}", INSERTED / clock.seconds() / 1e6)


def main(args: list[str]) -> None:
    pes = charm.numPes()
    create_array(pes)
    for _ in range(REPEATS):
        create_singles(pes)
        insert(pes)
    charm.exit()


charm.start(main)
