"""A 7-point stencil in three dimensions, with ghost cells that arrive in any order: @when sorts them out.

    chariot run -n 4 examples/stencil3d/stencil3d.py [SIZE [BLOCK [ITERATIONS]]]

A block calls `ghosts` of its six neighbours in each iteration. A neighbour may be an iteration ahead: its call then waits
until the block is there, for @when lets a call in only if its iteration is the block's.
"""
from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from chariot import Array, Chare, Reducer, charm, when
from chariot.threads import Future

DIRECTIONS = [(axis, step) for axis in range(3) for step in (-1, 1)]


def plane(axis: int, at: int) -> tuple[int | slice, ...]:
    """The cells of a block, or of its rim, in one plane across an axis."""
    cells: list[int | slice] = [slice(1, -1)] * 3
    cells[axis] = at
    return tuple(cells)


def improve(cells: Any) -> Any:
    """What the inner cells become: the mean of themselves and their six neighbours."""
    inner = cells[1:-1, 1:-1, 1:-1]
    return (
        inner
        + cells[:-2, 1:-1, 1:-1] + cells[2:, 1:-1, 1:-1]
        + cells[1:-1, :-2, 1:-1] + cells[1:-1, 2:, 1:-1]
        + cells[1:-1, 1:-1, :-2] + cells[1:-1, 1:-1, 2:]
    ) / 7  # fmt: skip


class Block(Chare):
    def __init__(self, dims: tuple[int, int, int], size: int, iterations: int, done: Future[float]) -> None:
        self.iterations = iterations
        self.done = done
        self.cells = np.zeros((size + 2,) * 3)
        self.cells[1:-1, 1:-1, 1:-1] = start_values(self.thisIndex, size)
        self.iteration = 0
        self.missing = 0
        self.neighbours: dict[tuple[int, int], Any] = {}
        for axis, step in DIRECTIONS:
            index = list(self.thisIndex)
            index[axis] += step
            if 0 <= index[axis] < dims[axis]:
                self.neighbours[axis, step] = self.thisProxy[index]

    def go(self) -> None:
        """Sends this iteration's ghosts to all neighbours."""
        self.missing = len(self.neighbours)
        for (axis, step), neighbour in self.neighbours.items():
            edge = self.cells[plane(axis, -2 if step == 1 else 1)].copy()  # on the same PE it goes by reference
            neighbour.ghosts(self.iteration, axis, -step, edge)
        if self.missing == 0:
            self.next()

    @when("self.iteration == iteration and self.missing > 0")
    def ghosts(self, iteration: int, axis: int, step: int, cells: Any) -> None:
        self.cells[plane(axis, -1 if step == 1 else 0)] = cells
        self.missing -= 1
        if self.missing == 0:
            self.next()

    def next(self) -> None:
        self.cells[1:-1, 1:-1, 1:-1] = improve(self.cells)
        self.iteration += 1
        if self.iteration < self.iterations:
            self.thisProxy[self.thisIndex].go()
        else:
            self.reduce(self.done, float(self.cells[1:-1, 1:-1, 1:-1].sum()), Reducer.sum)


def start_values(index: tuple[int, ...], size: int) -> Any:
    """Of the block with this index: a function of the place in the whole."""
    x, y, z = (np.arange(i * size, (i + 1) * size) for i in index)
    return (x[:, None, None] * 7 + y[:, None] * 5 + z * 3) % 11 / 1.0


def on_one_pe(dims: tuple[int, int, int], size: int, iterations: int) -> float:
    cells = np.zeros([n * size + 2 for n in dims])
    for index in np.ndindex(dims):
        at = tuple(slice(1 + i * size, 1 + (i + 1) * size) for i in index)
        cells[at] = start_values(index, size)
    for _ in range(iterations):
        cells[1:-1, 1:-1, 1:-1] = improve(cells)
    return float(cells.sum())


def main(args: list[str]) -> None:
    size = int(args[1]) if len(args) > 1 else 48
    block = int(args[2]) if len(args) > 2 else size // 3
    iterations = int(args[3]) if len(args) > 3 else 30
    dims = (size // block,) * 3
    done: Future[float] = charm.Future()
    blocks = Array(Block, dims, args=[dims, block, iterations, done])
    begin = perf_counter()
    blocks.go()
    total = done.get()
    print(f"{iterations} iterations of {dims} blocks in {perf_counter() - begin:.2f} s; the sum is {total:.6f}")
    same = bool(np.isclose(total, on_one_pe(dims, block, iterations)))
    print("equal to numpy" if same else "differs from numpy")
    charm.exit(0 if same else 1)


charm.start(main)
