"""A grid of chares in three dimensions whose planes reduce separately: each is a section, a slice of the array's proxy.

    chariot run -n 4 examples/planes.py [BLOCKS [SIZE]]

Every block of a density field is in three planes at once, one across each axis, and contributes its mass to all of them.
So the mass of every plane is known, along each axis, and where the field's centre of mass lies. The result is compared
with numpy's.
"""
from __future__ import annotations

import sys
from typing import Any

import numpy as np

from chariot import Array, Chare, Reducer, charm
from chariot.threads import Future

AXES = "xyz"


def density(x: Any, y: Any, z: Any, cells: int) -> Any:
    """A blob off the middle, in whole numbers, so that sums are the same in whatever order."""
    far = (x - 0.3 * cells) ** 2 + (y - 0.5 * cells) ** 2 + 2 * (z - 0.6 * cells) ** 2
    return np.floor(1000 * np.exp(-far / (0.1 * cells**2)))


class Block(Chare):
    def __init__(self, blocks: int, size: int) -> None:
        begin = [index * size for index in self.thisIndex]
        x, y, z = np.mgrid[tuple(slice(b, b + size) for b in begin)]
        self.cells = density(x, y, z, blocks * size)

    def weigh(self, plane: Any, target: Future[float]) -> None:
        """Called through a plane: only its blocks contribute, to a reduction of theirs alone."""
        self.reduce(target, float(self.cells.sum()), Reducer.sum, section=plane)


def planes_across(grid: Any, axis: int, blocks: int) -> list[Any]:
    """grid[k, :, :] for each k, or grid[:, k, :], or grid[:, :, k]."""
    everywhere: list[slice | int] = [slice(None)] * 3
    return [grid[tuple(everywhere[:axis] + [k] + everywhere[axis + 1 :])] for k in range(blocks)]


def main(args: list[str]) -> None:
    blocks = int(args[1]) if len(args) > 1 else 4
    size = int(args[2]) if len(args) > 2 else 8
    grid = Array(Block, (blocks, blocks, blocks), args=[blocks, size])
    masses: list[list[Future[float]]] = []
    for axis in range(3):
        targets: list[Future[float]] = []
        for plane in planes_across(grid, axis, blocks):
            target: Future[float] = charm.Future()
            plane.weigh(plane, target)  # all of them are under way at a time
            targets.append(target)
        masses.append(targets)

    x, y, z = np.mgrid[: blocks * size, : blocks * size, : blocks * size]
    field = density(x, y, z, blocks * size)
    same = True
    for axis, targets in enumerate(masses):
        mass = np.array([target.get() for target in targets])
        others = tuple(other for other in range(3) if other != axis)
        same &= np.array_equal(mass, field.sum(axis=others).reshape(blocks, size).sum(axis=1))
        centre = (mass * (np.arange(blocks) + 0.5)).sum() / mass.sum() / blocks
        print(f"planes across {AXES[axis]}: mass {mass.astype(int).tolist()}, centre at {centre:.2f}")
    verdict = "equal to numpy" if same else "differs from numpy"
    print(f"{3 * blocks} planes of {blocks**3} blocks on {charm.numPes()} PEs, {verdict}")
    sys.exit(0 if same else 1)


charm.start(main)
