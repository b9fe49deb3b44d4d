"""Curves over message size as SVG, made of the figures "<prefix>.sweep.<what>.<bytes>"; nothing but text is needed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from results import Results
from stats import Estimate

# Prefix of the figures, label, colour, dashes of the line: Chariot solid in C and dashed in Python, floors dotted.
SERIES = (
    ("chariot.shm", "C, shared memory", "#1b6ca8", ""),
    ("py.shm", "Python, shared memory", "#1b6ca8", "7 4"),
    ("chariot.unix", "C, gRPC over Unix", "#c25b12", ""),
    ("py.unix", "Python, gRPC over Unix", "#c25b12", "7 4"),
    ("chariot.tcp", "C, gRPC over TCP", "#3c8031", ""),
    ("py.tcp", "Python, gRPC over TCP", "#3c8031", "7 4"),
    ("ring", "floor: bare ring", "#1b6ca8", "2 3"),
    ("grpc.unix", "floor: gRPC stream, Unix", "#c25b12", "2 3"),
    ("grpc.tcp", "floor: gRPC stream, TCP", "#3c8031", "2 3"),
    ("socket", "floor: Unix socket", "#777777", "2 3"),
)
WIDTH, HEIGHT = 860, 480
LEFT, RIGHT, TOP, BOTTOM = 70, 230, 40, 50  # margins; the legend stands in the right one


@dataclass(frozen=True)
class Axis:
    """Logarithmic, from `low` at `start` to `high` at `end`, in pixels."""

    low: float
    high: float
    start: float
    end: float

    def at(self, value: float) -> float:
        return self.start + math.log(value / self.low) / math.log(self.high / self.low) * (self.end - self.start)


Points = Sequence[tuple[int, Estimate]]


def points_of(results: Results, prefix: str, what: str) -> list[tuple[int, Estimate]]:
    """Sizes, and the figures there with their error bars, by size."""
    start = f"{prefix}.sweep.{what}."
    sizes = sorted(int(key.removeprefix(start)) for key in results.values if key.startswith(start))
    found = [(size, results.estimate(f"{start}{size}")) for size in sizes]
    return [(size, value) for size, value in found if value is not None]


def size_text(size: int) -> str:
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if size >= unit:
            return f"{size // unit} {name}"
    return f"{size} B"


def decades(low: float, high: float) -> list[float]:
    return [10.0**power for power in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def text(x: float, y: float, said: str, anchor: str = "start", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{more}>{escape(said)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, dashes: str = "", width: float = 1) -> str:
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"{dashed}/>'


def grid(x: Axis, y: Axis, sizes: Sequence[int], unit: str) -> list[str]:
    drawn = []
    for value in decades(y.low, y.high):
        drawn.append(line(x.start, y.at(value), x.end, y.at(value), "#dddddd"))
        drawn.append(text(x.start - 6, y.at(value) + 4, f"{value:g}", "end"))
    for size in sizes:
        place = x.at(max(size, 1))
        drawn.append(line(place, y.start, place, y.end, "#eeeeee"))
        drawn.append(text(place, y.start + 16, size_text(size), "middle", ' font-size="10"'))
    drawn.append(text(x.start - 6, y.end - 12, unit, "end"))
    return drawn


def curve(points: Points, x: Axis, y: Axis, colour: str, dashes: str) -> list[str]:
    path = " ".join(f"{x.at(max(size, 1)):.1f},{y.at(value.median):.1f}" for size, value in points)
    dashed = f' stroke-dasharray="{dashes}"' if dashes else ""
    drawn = [f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="1.8"{dashed}/>']
    for size, value in points:
        place = x.at(max(size, 1))
        drawn.append(line(place, y.at(value.low), place, y.at(value.high), colour))
    return drawn


def figure(title: str, unit: str, series: Mapping[str, Points]) -> str:
    """`series` maps prefixes of SERIES to points; a size of 0 stands at 1."""
    every = [value for points in series.values() for _, value in points]
    sizes = sorted({size for points in series.values() for size, _ in points})
    scale = decades(min(value.low for value in every), max(value.high for value in every))
    x = Axis(max(sizes[0], 1), max(sizes[-1], 2), LEFT, WIDTH - RIGHT)
    y = Axis(scale[0], scale[-1], HEIGHT - BOTTOM, TOP)
    drawn = [text(LEFT, 20, title, more=' font-size="15"'), *grid(x, y, sizes, unit)]
    place = TOP + 6.0
    for prefix, label, colour, dashes in SERIES:
        if not series.get(prefix):
            continue
        drawn += curve(series[prefix], x, y, colour, dashes)
        drawn.append(line(WIDTH - RIGHT + 16, place, WIDTH - RIGHT + 50, place, colour, dashes, 1.8))
        drawn.append(text(WIDTH - RIGHT + 56, place + 4, label))
        place += 20
    box = f'viewBox="0 0 {WIDTH} {HEIGHT}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {box} font-family="sans-serif" font-size="12">'
    return "\n".join([head, f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>', *drawn, "</svg>"]) + "\n"


def curves(results: Results) -> dict[str, str]:
    """Names of files without ending, and their SVG; none where nothing was measured by size."""
    titles = {"rtt": ("Round trip over message size", "µs"), "bandwidth": ("Bandwidth over message size", "GB/s")}
    made = {}
    for what, (title, unit) in titles.items():
        series = {prefix: points_of(results, prefix, what) for prefix, *_ in SERIES}
        if any(series.values()):
            made[what] = figure(f"{title}, {results.machine['commit']}", unit, series)
    return made
