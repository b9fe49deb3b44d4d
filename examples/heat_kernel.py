"""Heat on a plate as in heat.py, with the blocks in C: Python cuts, decides and compares, C computes.

    cc -O2 -shared -fPIC $(python -m chariot.cflags) -o examples/libheat_kernel.so examples/heat_kernel.c
    chariot run -n 4 examples/heat_kernel.py examples/data/evening.png

The blocks (heat_kernel.c) send each other their edges; no Python runs while they iterate. After every so many iterations
they tell a future of ours the largest change of all, and we say whether they go on.
"""
from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from chariot import Array, charm
from heat import compare, cut, parse, put_together
from picture import PictureError, in_heat_colours, read_picture, write_png
from progress import ProgressBar

Plate = npt.NDArray[np.float64]

kernel = charm.load("libheat_kernel.so")


def solve(blocks: Any, options: argparse.Namespace) -> int:
    """Iterates until nothing changes by the tolerance or more; returns how many iterations that took."""
    done, progress = 0, ProgressBar(options.iterations)
    while done < options.iterations:
        steps = min(options.every, options.iterations - done)
        changed = charm.Future()
        blocks.run(steps, changed)
        change = changed.get()
        done += steps
        progress.show(done, f"changing by {change:.1e}")
        if change < options.tolerance:
            break
    progress.close()
    return done


def main(args: list[str]) -> None:
    options = parse(args[1:], "heat_kernel.py")
    try:
        plate = read_picture(options.picture)
        options.out.mkdir(parents=True, exist_ok=True)
    except (OSError, PictureError) as error:
        sys.exit(f"heat_kernel: {options.picture}: {error}")
    rows, cols = grid = options.blocks
    if rows > plate.shape[0] - 2 or cols > plate.shape[1] - 2:
        sys.exit(f"heat_kernel: {rows} x {cols} blocks are more than the picture has cells")
    print(f"{plate.shape[1]} x {plate.shape[0]} cells in {rows} x {cols} blocks of C on {charm.numPes()} PEs")

    blocks = Array(kernel.Block, grid, args=[rows, cols])
    begun = []
    for row, col in np.ndindex(rows, cols):
        part = plate[cut(plate.shape[0], rows, row), cut(plate.shape[1], cols, col)]
        begun.append(blocks[row, col].begin(np.ascontiguousarray(part), awaitable=True))
    charm.wait(begun)
    begin = time.perf_counter()
    iterations = solve(blocks, options)
    seconds = time.perf_counter() - begin
    whole = put_together(blocks.part(ret=True).get(), plate, grid)
    write_png(options.out / "after.png", in_heat_colours(whole))
    charm.exit(0 if compare(whole, plate, iterations, seconds) else 1)


if __name__ == "__main__":
    charm.start(main)
