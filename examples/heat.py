"""Heat on a plate: hot and cold places even out, as in metal whose edge is held at its temperature.

    chariot run -n 4 examples/heat.py examples/data/evening.png

The picture's brightness is the temperature at the start. The plate is cut into blocks, each a chare somewhere in the
job. In every step a cell becomes the mean of its four neighbours, so each block needs one row or column of cells from
the blocks around it: it sends its own edges to them, and waits for theirs. At the end numpy computes the same on the
whole plate at once, and the two results are compared bit by bit.
"""
from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import numpy.typing as npt

from chariot import Array, Chare, Reducer, charm
from chariot.threads import Future
from picture import PictureError, in_heat_colours, read_picture, write_png
from progress import ProgressBar

Plate = npt.NDArray[np.float64]
Cells = tuple[int | slice, int | slice]
Side = tuple[int, int]  # of a block: where the neighbour there stands in the grid, seen from the block

SHIPPED = Path(__file__).parent / "data" / "evening.png"

# The cells around a block, which belong to its neighbours, by side; and the cells of its own that the neighbour wants.
HALO: dict[Side, Cells] = {
    (-1, 0): np.s_[0, 1:-1], (1, 0): np.s_[-1, 1:-1], (0, -1): np.s_[1:-1, 0], (0, 1): np.s_[1:-1, -1]
}  # fmt: skip
EDGE: dict[Side, Cells] = {
    (-1, 0): np.s_[1, 1:-1], (1, 0): np.s_[-2, 1:-1], (0, -1): np.s_[1:-1, 1], (0, 1): np.s_[1:-1, -2]
}  # fmt: skip


def step(old: Plate, new: Plate) -> None:
    """Each inner cell of `new` becomes the mean of its four neighbours in `old`."""
    mean = new[1:-1, 1:-1]
    np.add(old[:-2, 1:-1], old[2:, 1:-1], out=mean)
    mean += old[1:-1, :-2]
    mean += old[1:-1, 2:]
    mean *= 0.25


def cut(cells: int, blocks: int, i: int) -> slice:
    """Where block i of a row of blocks lies on the plate, with one cell around it."""
    inner = cells - 2
    return slice(inner * i // blocks, inner * (i + 1) // blocks + 2)


class Block(Chare):
    def __init__(self, plate: Plate, grid: tuple[int, int]) -> None:
        row, col = self.thisIndex
        self.old = plate[cut(plate.shape[0], grid[0], row), cut(plate.shape[1], grid[1], col)].copy()
        self.new = self.old.copy()
        self.neighbours = {
            side: self.thisProxy[row + side[0], col + side[1]]
            for side in HALO
            if 0 <= row + side[0] < grid[0] and 0 <= col + side[1] < grid[1]
        }
        self.iteration = 0
        self.edges: tuple[dict[Side, Plate], dict[Side, Plate]] = ({}, {})  # of even and of odd iterations
        self.waiting: Future[None] | None = None  # for all edges of this iteration

    async def solve(self, iterations: int, every: int, tolerance: float) -> int:
        """Iterates until nothing changes by `tolerance` or more; returns how many iterations that took."""
        progress = ProgressBar(iterations) if self.thisIndex == (0, 0) else None
        while self.iteration < iterations:
            self.send_edges()
            await self.receive_edges()
            step(self.old, self.new)
            self.old, self.new = self.new, self.old
            self.iteration += 1
            if self.iteration % every == 0:
                change = await self.allreduce(float(np.abs(self.old - self.new).max()), Reducer.max)
                if progress:
                    progress.show(self.iteration, f"changing by {change:.1e}")
                if change < tolerance:
                    break
        if progress:
            progress.close()
        return self.iteration

    def send_edges(self) -> None:
        for side, neighbour in self.neighbours.items():
            # A copy, because a neighbour on this PE gets the array itself, and we go on writing to ours.
            neighbour.edge(self.iteration, (-side[0], -side[1]), self.old[EDGE[side]].copy())

    def edge(self, iteration: int, side: Side, cells: Plate) -> None:
        """A neighbour's edge has come, for this iteration or, where the neighbour is ahead of us, for the next."""
        self.edges[iteration % 2][side] = cells
        if self.waiting and len(self.edges[self.iteration % 2]) == len(self.neighbours):
            waiting, self.waiting = self.waiting, None
            waiting.send()

    async def receive_edges(self) -> None:
        here = self.edges[self.iteration % 2]
        if len(here) < len(self.neighbours):
            self.waiting = charm.Future()
            await self.waiting
        for side, cells in here.items():
            self.old[HALO[side]] = cells
        here.clear()

    def result(self) -> Plate:
        return self.old


def solve_with_numpy(plate: Plate, iterations: int) -> Plate:
    old, new = plate.copy(), plate.copy()
    for _ in range(iterations):
        step(old, new)
        old, new = new, old
    return old


def put_together(parts: list[Plate], plate: Plate, grid: tuple[int, int]) -> Plate:
    whole = plate.copy()
    for i, part in enumerate(parts):
        rows, cols = cut(plate.shape[0], grid[0], i // grid[1]), cut(plate.shape[1], grid[1], i % grid[1])
        whole[rows, cols][1:-1, 1:-1] = part[1:-1, 1:-1]
    return whole


def compare(whole: Plate, plate: Plate, iterations: int, seconds: float) -> bool:
    """Says how fast that was, and whether it is what numpy gives."""
    begin = time.perf_counter()
    expected = solve_with_numpy(plate, iterations)
    numpy_seconds = time.perf_counter() - begin
    updates = (plate.shape[0] - 2) * (plate.shape[1] - 2) * iterations / 1e6
    print(f"{iterations} iterations in {seconds:.2f} s: {updates / seconds:.0f} million cells a second")
    print(f"numpy alone, on one core: {updates / numpy_seconds:.0f} million; speed-up {numpy_seconds / seconds:.2f}")
    equal = whole.tobytes() == expected.tobytes()
    print("equal to numpy" if equal else "differs from numpy")
    return equal


def main(args: list[str]) -> None:
    options = parse(args[1:], "heat.py")
    try:
        plate = read_picture(options.picture)
        options.out.mkdir(parents=True, exist_ok=True)
        write_png(options.out / "before.png", in_heat_colours(plate))
    except (OSError, PictureError) as error:
        sys.exit(f"heat: {options.picture}: {error}")
    grid = options.blocks
    if grid[0] > plate.shape[0] - 2 or grid[1] > plate.shape[1] - 2:
        sys.exit(f"heat: {grid[0]} x {grid[1]} blocks are more than the picture has cells")
    print(f"{plate.shape[1]} x {plate.shape[0]} cells in {grid[0]} x {grid[1]} blocks on {charm.numPes()} PEs")

    blocks = Array(Block, grid, args=[plate, grid])
    charm.awaitCreation(blocks)
    begin = time.perf_counter()
    iterations = blocks.solve(options.iterations, options.every, options.tolerance, ret=True).get()[0]
    seconds = time.perf_counter() - begin
    whole = put_together(blocks.result(ret=True).get(), plate, grid)
    write_png(options.out / "after.png", in_heat_colours(whole))
    print(f"before and after: {options.out / 'before.png'}, {options.out / 'after.png'}")
    charm.exit(0 if compare(whole, plate, iterations, seconds) else 1)


def parse(args: list[str], program: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog=program, description="Heat conduction on a plate.")
    parser.add_argument("picture", type=Path, nargs="?", default=SHIPPED, help="a PNG or PGM file")
    parser.add_argument("--blocks", type=grid_of, default=(4, 4), metavar="RxC", help="rows and columns of blocks")
    parser.add_argument("--iterations", type=positive, default=6000, metavar="N", help="at most so many")
    parser.add_argument("--every", type=positive, default=100, metavar="N", help="agree on the change every N")
    parser.add_argument("--tolerance", type=float, default=0.0, help="stop when no cell changes as much")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "out", help="where the pictures go")
    return parser.parse_args(args)


def positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 up")
    return int(text)


def grid_of(text: str) -> tuple[int, int]:
    rows, by, cols = text.partition("x")
    if not by:
        raise argparse.ArgumentTypeError(f"{text!r} is not rows x columns, such as 4x4")
    return positive(rows), positive(cols)


if __name__ == "__main__":
    charm.start(main)
