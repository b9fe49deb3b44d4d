"""Particles in a box, drawn to a point that goes round in it: where they are, there is the work.

    chariot run -n 4 examples/drift.py                                    most PEs wait for the one where the cloud is
    chariot run -n 4 --balancer greedy-refine examples/drift.py           cells move to PEs that have less to do

The box is cut into cells, each a chare that holds the particles inside it. In every step all particles of a cell repel
each other, so its work grows as the square of their number; those that leave go to the neighbours through channels.
After some steps a cell says AtSync(): it may be moved now, with its particles and its channels, and goes on in
resumeFromSync(), wherever that is. Beside the time it takes the program prints how busy the PEs were, phase by phase,
and draws it (--out). Where particles end does not depend on where cells live: "checksum" is the same in all runs.
"""
from __future__ import annotations

import argparse
import time
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chariot import Array, Channel, Chare, Reducer, charm, coro
from lines import draw_lines

Points = npt.NDArray[np.float64]

AROUND = [(down, right) for down in (-1, 0, 1) for right in (-1, 0, 1) if (down, right) != (0, 0)]
PULL, PUSH, SPEED = 0.4, 0.002, 0.025  # in sides of a cell, per step


class Cell(Chare):
    def __init__(self, side: int, particles: int, phases: int, steps: int, watch: Any) -> None:
        self.side, self.phases, self.steps, self.watch = side, phases, steps, watch
        self.step = 0
        random = np.random.default_rng(self.thisIndex[0] * side + self.thisIndex[1])
        self.at = np.array(self.thisIndex) + random.random((particles, 2))
        there = {to: (self.thisIndex[0] + to[0], self.thisIndex[1] + to[1]) for to in AROUND}
        inside = {to: place for to, place in there.items() if 0 <= min(place) and max(place) < side}
        self.ways = {to: Channel(self, remote=self.thisProxy[place]) for to, place in inside.items()}

    @coro
    def resumeFromSync(self) -> None:
        """One phase: some steps. No coroutine of the cell goes on when it says AtSync(), so it can be moved."""
        spent = 0.0
        for _ in range(self.steps):
            begin = time.thread_time()
            self.move()
            spent += time.thread_time() - begin
            self.exchange()
        busy = np.zeros(charm.numPes())
        busy[charm.myPe()] = spent
        self.reduce(self.watch.saw, busy, Reducer.sum)
        self.phases -= 1
        if self.phases > 0:
            self.AtSync()

    def move(self) -> None:
        self.step += 1
        angle = SPEED * self.step
        centre = self.side / 2 * (1 + 0.7 * np.array([np.sin(angle), -np.cos(angle)]))
        apart = self.at[:, None, :] - self.at[None, :, :]
        far2 = (apart**2).sum(axis=2) + 0.01
        push = PUSH * (apart / far2[:, :, None]).sum(axis=1)
        pull = centre - self.at
        pull *= PULL / np.maximum(np.sqrt((pull**2).sum(axis=1)), 1.0)[:, None]
        self.at = np.clip(self.at + pull + np.clip(push, -0.5, 0.5), 0.0, self.side - 1e-9)

    def exchange(self) -> None:
        """No particle goes further than to a neighbour in one step."""
        to = np.clip(np.floor(self.at).astype(int) - self.thisIndex, -1, 1)
        for way, channel in self.ways.items():
            channel.send(self.at[(to == way).all(axis=1)])
        stay = [self.at[(to == (0, 0)).all(axis=1)]]
        self.at = np.concatenate(stay + [channel.recv() for channel in self.ways.values()])

    def result(self) -> tuple[int, int]:
        return len(self.at), round(float((self.at * (1, 3)).sum()) * 2**20)


class Watch(Chare):
    """How busy the PEs are."""

    def __init__(self, phases: int, ended: Any) -> None:
        self.phases, self.ended = phases, ended
        self.busy: list[Points] = []
        self.begin = time.perf_counter()

    def saw(self, busy: Points) -> None:
        self.busy.append(np.atleast_1d(busy))
        if len(self.busy) == self.phases:
            self.ended((self.busy, time.perf_counter() - self.begin))


def main(args: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="drift.py", description="Particles that drift from PE to PE.")
    parser.add_argument("--side", type=int, default=12, help="cells in each direction")
    parser.add_argument("--particles", type=int, default=14, help="of each cell, at first")
    parser.add_argument("--phases", type=int, default=40)
    parser.add_argument("--steps", type=int, default=4, help="of a phase")
    parser.add_argument("--out", type=Path, help="a file for the picture (SVG)")
    options = parser.parse_args(args[1:])
    ended = charm.Future()
    watch = Chare(Watch, args=[options.phases, ended], onPE=0)
    shape = (options.side, options.side)
    about = [options.side, options.particles, options.phases, options.steps, watch]
    cells = Array(Cell, shape, args=about, useAtSync=True)
    charm.awaitCreation(cells)
    cells.resumeFromSync()
    busy, seconds = ended.get()
    loads = np.array(busy)
    for phase in range(0, options.phases, max(1, options.phases // 10)):
        print(f"phase {phase:3}: busy for " + " ".join(f"{1e3 * load:5.0f}" for load in loads[phase]) + " ms")
    ends = cells.result(ret=True).get()
    worst = loads.max(axis=1).sum() / loads.mean(axis=1).sum()
    print(f"{sum(count for count, _ in ends)} particles, checksum {sum(check for _, check in ends)}")
    print(f"{seconds:.2f} s on {charm.numPes()} PEs; the busiest PE had {worst:.2f} times the average to do")
    if options.out is not None:
        names = [f"PE {pe}" for pe in range(charm.numPes())]
        draw_lines(options.out, 1e3 * loads.T, "phase", "ms of work", names)
        print(f"drawn in {options.out}")
    charm.exit()


charm.start(main)
