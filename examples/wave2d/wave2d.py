"""Waves on a pond, as pictures: blocks of water exchange their edges, the main chare puts the frames together.

    chariot run -n 4 examples/wave2d/wave2d.py [ITERATIONS [FPS]] [--NO-RENDER] [--out DIR]

Between two frames the pond moves on by ten iterations; there are FPS frames a second at most. They are written as PNG files
to DIR (examples/out/wave2d), unless --NO-RENDER is given.
"""
from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from picture import in_heat_colours, write_png  # noqa: E402

from chariot import Array, Channel, Chare, Reducer, charm, coro  # noqa: E402

POND = 160  # cells along each side
BLOCKS = 4  # blocks along each side
SPEED = 0.4  # of the waves, squared; below 0.5, else the computation is unstable
PER_FRAME = 10  # iterations
DROPS = 5


class Water(Chare):
    def __init__(self) -> None:
        size = POND // BLOCKS
        row, col = self.thisIndex
        self.now = np.zeros((size + 2, size + 2))
        self.now[1:-1, 1:-1] = drops()[row * size : (row + 1) * size, col * size : (col + 1) * size]
        self.before = self.now.copy()
        self.edges = []
        for down, right, mine, theirs in (
            (-1, 0, np.s_[1, 1:-1], np.s_[0, 1:-1]),
            (1, 0, np.s_[-2, 1:-1], np.s_[-1, 1:-1]),
            (0, -1, np.s_[1:-1, 1], np.s_[1:-1, 0]),
            (0, 1, np.s_[1:-1, -2], np.s_[1:-1, -1]),
        ):
            if 0 <= row + down < BLOCKS and 0 <= col + right < BLOCKS:
                self.edges.append((Channel(self, remote=self.thisProxy[row + down, col + right]), mine, theirs))

    @coro
    def work(self, iterations: int) -> None:
        for _ in range(iterations):
            for channel, mine, _ in self.edges:
                channel.send(self.now[mine])
            for channel, _, theirs in self.edges:
                self.now[theirs] = channel.recv()
            self.before, self.now = self.now, step(self.now, self.before)

    def frame(self, done: Any) -> None:
        self.reduce(done, (self.thisIndex, self.now[1:-1, 1:-1]), Reducer.gather)


def drops() -> Any:
    """Where and how strongly the rain has hit the pond."""
    y, x = np.mgrid[:POND, :POND]
    water = np.zeros((POND, POND))
    random = np.random.default_rng(1)
    for at_y, at_x in random.integers(10, POND - 10, (DROPS, 2)):
        water += np.exp(-((y - at_y) ** 2 + (x - at_x) ** 2) / 12.0)
    return water


def step(now: Any, before: Any) -> Any:
    """The wave equation; what lies outside the pond stays 0."""
    after = np.zeros_like(now)
    inner = now[1:-1, 1:-1]
    bend = now[:-2, 1:-1] + now[2:, 1:-1] + now[1:-1, :-2] + now[1:-1, 2:] - 4 * inner
    after[1:-1, 1:-1] = 2 * inner - before[1:-1, 1:-1] + SPEED * bend
    return after


class Main(Chare):
    def __init__(self, args: list[str]) -> None:
        parser = argparse.ArgumentParser()
        parser.add_argument("iterations", nargs="?", type=int, default=300)
        parser.add_argument("fps", nargs="?", type=float, default=10.0)
        parser.add_argument("--NO-RENDER", dest="render", action="store_false")
        parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1] / "out/wave2d")
        self.how = parser.parse_args(args[1:])
        water = Array(Water, (BLOCKS, BLOCKS))
        frames = self.how.iterations // PER_FRAME
        for number in range(frames):
            drawn = charm.Future()
            charm.scheduleCallableAfter(drawn, 1 / self.how.fps)
            water.work(PER_FRAME, awaitable=True).get()
            self.show(self.frame_of(water), number)
            drawn.get()
        same = np.allclose(self.frame_of(water), on_one_pe(frames * PER_FRAME))
        print(f"{frames * PER_FRAME} iterations, {frames} frames, {'equal to' if same else 'differs from'} numpy")
        charm.exit(0 if same else 1)

    def frame_of(self, water: Any) -> Any:
        done = charm.Future()
        water.frame(done)
        pond = np.zeros((POND, POND))
        for (row, col), part in done.get():
            size = POND // BLOCKS
            pond[row * size : (row + 1) * size, col * size : (col + 1) * size] = part
        return pond

    def show(self, pond: Any, number: int) -> None:
        if self.how.render:
            self.how.out.mkdir(parents=True, exist_ok=True)
            write_png(self.how.out / f"{number:04}.png", in_heat_colours(np.clip(pond / 2 + 0.5, 0, 1)))


def on_one_pe(iterations: int) -> Any:
    now = np.pad(drops(), 1)
    before = now.copy()
    for _ in range(iterations):
        before, now = now, step(now, before)
    return now[1:-1, 1:-1]


charm.start(Main)
