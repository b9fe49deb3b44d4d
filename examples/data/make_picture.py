"""Makes evening.png, the picture that the heat example starts from: a low sun over ridges and a lake, with the grain of
a film. Nothing in it is taken from anywhere; the same numbers give the same picture.

    python examples/data/make_picture.py [evening.png]
"""
from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from picture import Grey, to_bytes, write_png  # noqa: E402

WIDTH, HEIGHT = 640, 480
HORIZON = 335
SUN = (430.0, 205.0)
random = np.random.default_rng(20261124)
Line = npt.NDArray[np.float64]


def wave(length: int, octaves: int, first: float) -> Line:
    """A random line in -1 to 1: waves of falling height and length, `first` pixels long at first."""
    at = np.arange(length) / first
    line = np.zeros(length)
    for octave in range(octaves):
        knots = random.uniform(-1, 1, int(at[-1] * 2**octave) + 4)
        line += np.interp(at * 2**octave, np.arange(len(knots)), knots) * 0.5**octave
    return np.asarray(line / np.abs(line).max())


def clouds(height: int, width: int, first: float) -> Grey:
    """Smooth noise in 0 to 1, stretched sideways."""
    field = np.zeros((height, width))
    rows, cols = np.arange(height)[:, None] / first * 3, np.arange(width)[None, :] / first
    for octave in range(6):
        r, c = rows * 2**octave, cols * 2**octave
        knots = random.uniform(0, 1, (int(r.max()) + 3, int(c.max()) + 3))
        ri, ci = r.astype(int), c.astype(int)
        fr, fc = (r - ri) ** 2 * (3 - 2 * (r - ri)), (c - ci) ** 2 * (3 - 2 * (c - ci))
        above = knots[ri, ci] * (1 - fc) + knots[ri, ci + 1] * fc
        below = knots[ri + 1, ci] * (1 - fc) + knots[ri + 1, ci + 1] * fc
        field += (above * (1 - fr) + below * fr) * 0.5**octave
    return np.asarray((field - field.min()) / (field.max() - field.min()))


def sky() -> Grey:
    y, x = np.mgrid[0:HORIZON, 0:WIDTH].astype(float)
    far = np.hypot(x - SUN[0], (y - SUN[1]) * 1.15)
    light = 0.20 + 0.38 * (y / HORIZON) ** 1.6 + 0.45 * np.exp(-far / 120)
    cover = np.clip(clouds(HORIZON, WIDTH, 190.0) * 2.4 - 1.15, 0, 1) * np.clip(1.15 - y / HORIZON, 0, 1)
    light = light * (1 - 0.55 * cover) + cover * 0.30 * np.exp(-far / 170)
    disc = 1 / (1 + np.exp((far - 24) / 1.2))
    return np.asarray(np.clip(light, 0, 1) * (1 - disc) + disc)


def add_ridge(view: Grey, base: float, size: float, first: float, tone: float) -> None:
    """Mountains up to `size` pixels above `base`, lighter towards their foot, where mist lies."""
    crest = base - size * (0.5 + 0.5 * wave(WIDTH, 7, first))
    y = np.arange(HORIZON)[:, None]
    inside = 1 / (1 + np.exp(-(y - crest[None, :]) / 0.7))
    rock = clouds(HORIZON, WIDTH, 70.0) - 0.5
    mist = np.clip((y - crest[None, :]) / 110, 0, 1) * 0.16
    body = tone + mist + 0.20 * rock * (1 - tone)
    view[:] = view * (1 - inside) + np.clip(body, 0, 1) * inside


def lake(view: Grey) -> Grey:
    """What stands above the horizon, upside down, drawn out by ripples that grow towards us."""
    y, x = np.mgrid[0 : HEIGHT - HORIZON, 0:WIDTH].astype(float)
    ripples = clouds(HEIGHT - HORIZON, WIDTH, 60.0) - 0.5
    reach = 2 + y * 0.35
    source = np.clip(HORIZON - 2 - y * 1.7 - ripples * reach, 0, HORIZON - 1).astype(int)
    aside = np.clip(x + ripples * reach * 0.4, 0, WIDTH - 1).astype(int)
    glitter = np.exp(-np.abs(x - SUN[0]) / (14 + y * 0.35)) * np.clip(ripples * 3 + 0.45, 0, 1)
    return np.asarray(view[source, aside] * (0.82 - y / 480) + 0.55 * glitter + 0.05 * ripples).clip(0, 1)


def trees(view: Grey) -> None:
    """A dark shore with firs on the left, nearest to us."""
    for _ in range(46):
        foot = int(random.integers(-10, 250))
        height = float(random.uniform(40, 165)) * (1 - foot / 420)
        bottom = HEIGHT - 1 - int(max(0, foot) * 0.02)
        for up in range(int(height)):
            half = (height - up) * 0.17 * (0.55 + 0.45 * ((up * 7) % 11) / 11) + 0.7
            left, right = int(foot - half), int(foot + half) + 1
            row = bottom - up
            if right > 0 and row >= 0:
                part = view[row, max(0, left) : right]
                part[:] = 0.045 + 0.03 * random.random(part.shape)


def main() -> None:
    above = sky()
    add_ridge(above, 300, 150, 230.0, 0.44)
    add_ridge(above, 318, 105, 150.0, 0.31)
    add_ridge(above, 332, 62, 95.0, 0.19)
    view = np.vstack([above, lake(above)])
    trees(view)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    corner = np.hypot((x - WIDTH / 2) / WIDTH, (y - HEIGHT / 2) / HEIGHT)
    view *= 1 - 0.45 * corner**2
    view += random.normal(0, 0.012, view.shape)
    write_png(sys.argv[1] if len(sys.argv) > 1 else HERE / "evening.png", to_bytes(view))


if __name__ == "__main__":
    main()
