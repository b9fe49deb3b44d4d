"""All kinds of traffic at once, for SECONDS: calls, broadcasts, reductions, futures, channels, sections, migrations,
the pool, quiescence; every result is compared with what it must be. Usage: traffic.py SECONDS, on 2 PEs or more.

It prints `traffic begins` when all is set up, and `right answer after N rounds` last."""

import sys
import time
from typing import Any

import numpy as np

from chariot import Array, Channel, Chare, Group, Reducer, charm, coro

PER_PE = 4


def square(x: int) -> int:
    return x * x


class Cell(Chare):
    """An element that moves, calls the others, and contributes."""

    def __init__(self) -> None:
        self.sum = 0

    def take(self, block: np.ndarray) -> int:
        self.sum += int(block[0])
        return int(block.sum())

    @coro
    def step(self, number: int, size: int) -> int:
        block = np.full(size, number % 100, dtype=np.int64)
        right = self.thisProxy[(self.thisIndex[0] + number) % (PER_PE * charm.numPes())].take(block, ret=True)
        total = self.allreduce(self.thisIndex[0], Reducer.sum).get()
        assert right.get() == number % 100 * size
        return int(total)

    def leave(self, number: int) -> None:
        if (self.thisIndex[0] + number) % 3 == 0:
            self.migrate((charm.myPe() + 1) % charm.numPes())

    def weight(self) -> int:
        return int(self.thisIndex[0])


class Ring(Chare):
    """One on each PE; what comes from the left by a channel goes to the right."""

    def __init__(self) -> None:
        peers = charm.numPes()
        self.right = Channel(self, self.thisProxy[(self.thisIndex + 1) % peers])
        self.left = Channel(self, self.thisProxy[(self.thisIndex - 1) % peers])
        if peers <= 2:  # the two channels of a pair are one after the other on both sides
            self.left, self.right = (self.right, self.left) if self.thisIndex == 1 else (self.left, self.right)

    @coro
    def go_round(self, number: int) -> int:
        value = (number, self.thisIndex)
        for _ in range(charm.numPes()):
            self.right.send(value, np.arange(100))
            value, _rest = self.left.recv()
        assert value == (number, self.thisIndex)
        return 1

    def ping(self, data: bytes) -> int:
        return len(data)


def one_round(number: int, cells: Any, ring: Any, halves: list[Any]) -> None:
    elements, pes = PER_PE * charm.numPes(), charm.numPes()
    totals = cells.step(number, 500 if number % 4 else 2500, ret=True)
    pings = [ring[pe].ping(bytes(10 + pe), ret=True) for pe in range(pes)]
    squares = charm.pool.map_async(square, range(30))
    around = ring.go_round(number, ret=True)
    assert totals.get() == [elements * (elements - 1) // 2] * elements
    assert [ping.get() for ping in pings] == [10 + pe for pe in range(pes)]
    cells.leave(number, awaitable=True).get()
    weights = [half.weight(ret=True) for half in halves]
    assert [sum(weight.get()) for weight in weights] == [
        sum(range(0, elements, 2)),
        sum(range(1, elements, 2)),
    ]
    assert squares.get() == [x * x for x in range(30)]
    assert around.get() == [1] * pes
    if number % 5 == 4:
        charm.waitQD()


def main(args: list[str]) -> None:
    until = time.monotonic() + float(args[1])
    elements = PER_PE * charm.numPes()
    cells = Array(Cell, elements)
    ring = Group(Ring)
    charm.awaitCreation(cells, ring)
    halves = charm.split(cells, 2, elems=[list(range(0, elements, 2)), list(range(1, elements, 2))])
    print("traffic begins", flush=True)
    number = 0
    while time.monotonic() < until:
        one_round(number, cells, ring, halves)
        number += 1
    print(f"right answer after {number} rounds", flush=True)
    charm.exit()


charm.start(main)
