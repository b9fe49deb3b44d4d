"""Heat from a torch that goes round on a plate, on a mesh that is fine only where the heat changes fast.

    chariot run -n 4 examples/mesh.py
    chariot run -n 4 --balancer greedy-refine examples/mesh.py

The plate is cut into patches, each a chare with a grid of its own: of 8 x 8 cells, or, as the torch comes near, 16 x 16
or 32 x 32, with more steps in time the finer it is. So a patch costs many times what its neighbour does, and not for
long. Patches send each other their edges by plain calls, which wait at the receiver until its step has come (@when). No
coroutine of a patch ever waits, so it can be moved at any time, with the calls that wait at it: the main program
just says charm.balance() now and then, while all goes on. "checksum" is the same in all runs, wherever patches live.
"""
from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from chariot import Array, Chare, Reducer, charm, when

Grid = npt.NDArray[np.float64]

CELLS, FINEST = 8, 4  # cells of a side of a coarse patch; how many times finer the finest is
SIDES = {"up": (-1, 0), "down": (1, 0), "left": (0, -1), "right": (0, 1)}
OPPOSITE = {"up": "down", "down": "up", "left": "right", "right": "left"}
SPREAD, LOSS, TURN = 0.2, 0.004, 0.05


def resample(edge: Grid, cells: int) -> Grid:
    """The same edge in so many cells."""
    if len(edge) < cells:
        return np.repeat(edge, cells // len(edge))
    coarse: Grid = edge.reshape(cells, -1).mean(axis=1)
    return coarse


class Patch(Chare):
    def __init__(self, side: int, steps: int, done: Any) -> None:
        self.side, self.steps, self.done = side, steps, done
        self.fine, self.step, self.moves = 1, 0, 0
        self.heat: Grid = np.zeros((CELLS, CELLS))
        self.edges: dict[str, Grid] = {}
        places = {name: (self.thisIndex[0] + by[0], self.thisIndex[1] + by[1]) for name, by in SIDES.items()}
        self.around = {name: self.thisProxy[to] for name, to in places.items() if 0 <= min(to) and max(to) < side}

    def go(self) -> None:
        own = {"up": self.heat[0], "down": self.heat[-1], "left": self.heat[:, 0], "right": self.heat[:, -1]}
        for name, patch in self.around.items():
            patch.edge(self.step, OPPOSITE[name], own[name])

    @when("step == self.step")
    def edge(self, step: int, name: str, values: Grid) -> None:
        self.edges[name] = values
        if len(self.edges) == len(self.around):
            self.advance()

    def migrated(self) -> None:
        self.moves += 1

    def advance(self) -> None:
        self.compute()
        self.adapt()
        self.edges = {}
        self.step += 1
        if self.step < self.steps:
            self.go()
        else:
            weight = 1 + self.thisIndex[0] + 7 * self.thisIndex[1]
            result = np.array([self.fine**2, self.moves, round(float(self.heat.mean()) * weight * 2**20)])
            self.reduce(self.done, result, Reducer.sum)

    def compute(self) -> None:
        cells = CELLS * self.fine
        whole = np.zeros((cells + 2, cells + 2))
        rim = {"up": whole[0, 1:-1], "down": whole[-1, 1:-1], "left": whole[1:-1, 0], "right": whole[1:-1, -1]}
        for name, values in self.edges.items():
            rim[name][:] = resample(values, cells)
        torch = self.torch(cells)
        for _ in range(4 * self.fine**2):  # a finer grid needs shorter steps
            whole[1:-1, 1:-1] = self.heat
            around = whole[:-2, 1:-1] + whole[2:, 1:-1] + whole[1:-1, :-2] + whole[1:-1, 2:]
            mixed = self.heat + SPREAD * (around / 4 - self.heat)
            self.heat = (1 - LOSS / self.fine**2) * mixed + torch / self.fine**2

    def torch(self, cells: int) -> Grid:
        at = self.side / 2 * (1 + 0.6 * np.array([np.sin(TURN * self.step), np.cos(TURN * self.step)]))
        row, col = (self.thisIndex[k] + (np.arange(cells) + 0.5) / cells for k in (0, 1))
        hot: Grid = np.exp(-((row[:, None] - at[0]) ** 2 + (col[None, :] - at[1]) ** 2) / 0.1)
        return hot

    def adapt(self) -> None:
        """As fine as the steepest place asks for, by one step at a time."""
        steep = max(float(np.abs(np.diff(self.heat, axis=axis)).max()) for axis in (0, 1)) * self.fine
        if steep > 0.4 * self.fine and self.fine < FINEST:
            self.fine *= 2
            self.heat = self.heat.repeat(2, axis=0).repeat(2, axis=1)
        elif steep < 0.1 * self.fine and self.fine > 1:
            self.fine //= 2
            cells = CELLS * self.fine
            self.heat = self.heat.reshape(cells, 2, cells, 2).mean(axis=(1, 3))

    def level(self) -> int:
        return self.fine


def main(args: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="mesh.py", description="An adaptive mesh whose patches move.")
    parser.add_argument("--side", type=int, default=10, help="patches in each direction")
    parser.add_argument("--steps", type=int, default=120)
    parser.add_argument("--every", type=float, default=0.1, help="seconds between two calls of charm.balance()")
    options = parser.parse_args(args[1:])
    done = charm.Future()
    patches = Array(Patch, (options.side, options.side), args=[options.side, options.steps, done])
    charm.awaitCreation(patches)
    begin = time.perf_counter()
    patches.go()
    while not done.ready():
        charm.sleep(options.every)
        if charm.options.lb.balancer is not None:
            charm.balance().get()
    fine, moves, checksum = done.get().tolist()
    seconds = time.perf_counter() - begin
    levels = patches.level(ret=True).get()
    for row in range(options.side):
        print(" ".join(".:#"[level // 2] for level in levels[row * options.side : (row + 1) * options.side]))
    print(f"{fine:.0f} times {CELLS} x {CELLS} cells at the end, {moves:.0f} moves, checksum {checksum:.0f}")
    print(f"{seconds:.2f} s on {charm.numPes()} PEs")
    charm.exit()


charm.start(main)
