"""Particles that move in a plane, from cell to cell, through channels.

    chariot run -n 4 examples/particle/particle.py [ROWS COLS [MAX_PARTICLES [STEPS]]]

The plane is a torus, cut into cells, each a chare that holds the particles inside it. In every step they move a little; a
cell sends those that have left to the neighbours they are now in. Some cells begin with many more particles than
others: every few steps the fullest cell is reported.
"""
from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from chariot import Array, Channel, Chare, Reducer, charm, coro

CELL = 10.0  # length of a cell's side
REPORT_EVERY = 10
AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]

rows = cols = 0  # set on every PE by main()


class Cell(Chare):
    def __init__(self, max_particles: int) -> None:
        row, col = self.thisIndex
        self.random = np.random.default_rng(row * cols + col)
        corner = np.array([row, col]) * CELL
        self.particles = corner + self.random.random((self.first_count(max_particles), 2)) * CELL
        self.channels = {to: self.channel_to(to) for to in AROUND}

    def channel_to(self, to: tuple[int, int]) -> Channel:
        row, col = self.thisIndex
        return Channel(self, remote=self.thisProxy[(row + to[0]) % rows, (col + to[1]) % cols])

    def first_count(self, max_particles: int) -> int:
        """The nearer to the middle, the more."""
        row, col = self.thisIndex
        distance = abs(row - rows // 2) / rows + abs(col - cols // 2) / cols
        return int(max_particles * max(0.0, 1 - distance))

    @coro
    def run(self, steps: int) -> int:
        """Returns how many particles it holds at the end."""
        for step in range(steps):
            self.move()
            self.exchange()
            if (step + 1) % REPORT_EVERY == 0:
                fullest = self.allreduce(len(self.particles), Reducer.max).get()
                if self.thisIndex == (0, 0):
                    print(f"step {step + 1}: the fullest cell holds {fullest} particles")
        return len(self.particles)

    def move(self) -> None:
        self.particles += self.random.normal(0.0, 1.0, self.particles.shape).clip(-CELL / 2, CELL / 2)

    def exchange(self) -> None:
        moved = np.floor(self.particles / CELL).astype(int) - self.thisIndex
        self.particles %= (rows * CELL, cols * CELL)
        for to in AROUND:
            self.channels[to].send(self.particles[(moved == to).all(axis=1)])
        stay = [self.particles[(moved == (0, 0)).all(axis=1)]]
        self.particles = np.concatenate(stay + [channel.recv() for channel in self.channels.values()])


def main(args: list[str]) -> None:
    numbers = [int(word) for word in args[1:]]
    height, width, max_particles, steps = numbers + [8, 8, 1000, 50][len(numbers) :]
    charm.thisProxy.updateGlobals({"rows": height, "cols": width}, awaitable=True).get()
    cells = Array(Cell, (height, width), args=[max_particles])
    begin = perf_counter()
    before = sum(cells.run(0, ret=True).get())
    after = sum(cells.run(steps, ret=True).get())
    print(f"{before} particles, {steps} steps, {perf_counter() - begin:.2f} s on {charm.numPes()} PEs")
    assert before == after, f"{after} are left"
    charm.exit()


charm.start(main)
