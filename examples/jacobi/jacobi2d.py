"""Jacobi's method on a plane: blocks exchange their edges through channels until nothing changes any more.

    chariot run -n 4 examples/jacobi/jacobi2d.py [SIZE [BLOCK]]

The left edge of the plane is held at 1, the others at 0. Every block is a chare with a channel to each neighbour; it sends
its edges, takes the neighbours' as they come, computes, and asks all others whether they are done, too.
"""
from __future__ import annotations

from time import perf_counter
from typing import Any

import numpy as np

from chariot import Array, Channel, Chare, Reducer, charm, coro

TOLERANCE = 0.002
MAX_ITERATIONS = 500

# For every side: where the neighbour is, what goes to it, where what it sends belongs.
SIDES: dict[str, tuple[tuple[int, int], Any, Any]] = {
    "left": ((0, -1), np.s_[1:-1, 1], np.s_[1:-1, 0]),
    "right": ((0, 1), np.s_[1:-1, -2], np.s_[1:-1, -1]),
    "top": ((-1, 0), np.s_[1, 1:-1], np.s_[0, 1:-1]),
    "bottom": ((1, 0), np.s_[-2, 1:-1], np.s_[-1, 1:-1]),
}

blocks = 0  # per side of the plane; set on every PE by main()


class Block(Chare):
    def __init__(self, size: int) -> None:
        row, col = self.thisIndex
        self.cells = np.zeros((size + 2, size + 2))
        if col == 0:
            self.cells[:, 0] = 1
        self.side_of: dict[Any, str] = {}
        for side, ((down, right), _, _) in SIDES.items():
            if 0 <= row + down < blocks and 0 <= col + right < blocks:
                self.side_of[Channel(self, remote=self.thisProxy[row + down, col + right])] = side

    @coro
    def run(self) -> int:
        """Returns the number of iterations that it took."""
        for iteration in range(1, MAX_ITERATIONS + 1):
            for channel, side in self.side_of.items():
                channel.send(self.cells[SIDES[side][1]].copy())  # on the same PE it goes by reference
            for channel in charm.iwait(self.side_of):
                self.cells[SIDES[self.side_of[channel]][2]] = channel.recv()
            if self.allreduce(self.improve() < TOLERANCE, Reducer.logical_and).get():
                return iteration
        return MAX_ITERATIONS

    def improve(self) -> float:
        """One step; returns the largest change."""
        old = self.cells
        new = (old[1:-1, :-2] + old[1:-1, 2:] + old[:-2, 1:-1] + old[2:, 1:-1]) / 4
        change = float(np.abs(new - old[1:-1, 1:-1]).max())
        old[1:-1, 1:-1] = new
        return change

    def result(self) -> Any:
        return self.cells[1:-1, 1:-1]


def on_one_pe(size: int, iterations: int) -> Any:
    """The same with numpy alone, to compare with."""
    cells = np.zeros((size + 2, size + 2))
    cells[:, 0] = 1
    for _ in range(iterations):
        cells[1:-1, 1:-1] = (cells[1:-1, :-2] + cells[1:-1, 2:] + cells[:-2, 1:-1] + cells[2:, 1:-1]) / 4
    return cells[1:-1, 1:-1]


def main(args: list[str]) -> None:
    size = int(args[1]) if len(args) > 1 else 256
    block = int(args[2]) if len(args) > 2 else size // 4
    count = size // block
    charm.thisProxy.updateGlobals({"blocks": count}, awaitable=True).get()
    plane = Array(Block, (count, count), args=[block])
    charm.awaitCreation(plane)
    begin = perf_counter()
    iterations = plane.run(ret=True).get()[0]
    print(f"{iterations} iterations in {perf_counter() - begin:.2f} s on {charm.numPes()} PEs")
    parts = plane.result(ret=True).get()
    whole = np.block([parts[row * count : (row + 1) * count] for row in range(count)])
    same = np.array_equal(whole, on_one_pe(count * block, iterations))
    print("equal to numpy" if same else "differs from numpy")
    charm.exit(0 if same else 1)


charm.start(main)
