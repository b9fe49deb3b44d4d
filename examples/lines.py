"""Lines over time, drawn as an SVG file, with the standard library alone."""
from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 720, 320, 56, 16, 88, 40
COLOURS = ["#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd", "#8c564b", "#e377c2", "#7f7f7f"]


def round_up(value: float) -> float:
    """1, 2 or 5 times a power of ten."""
    step = 1e-9
    while step * 10 <= value:
        step *= 10
    return next(step * factor for factor in (1, 2, 5, 10) if step * factor >= value) if value > 0 else 1.0


def text(x: float, y: float, what: str, where: str = "middle", more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{where}"{more}>{escape(what)}</text>'


def draw_lines(path: Path, lines: Iterable[Sequence[float]], across: str, up: str, names: Sequence[str]) -> None:
    """One line for each name; all begin at 0 and have a point for each whole number."""
    rows = [list(map(float, line)) for line in lines]
    top = round_up(max((max(row, default=0.0) for row in rows), default=0.0))
    last = max((len(row) for row in rows), default=1) - 1 or 1
    x = [LEFT + (WIDTH - LEFT - RIGHT) * k / last for k in range(last + 1)]

    def y(value: float) -> float:
        return TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / top)

    font = 'font-family="sans-serif" font-size="12"'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" {font}>']
    parts.append(f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>')
    for k in range(5):
        at = y(top * k / 4)
        parts.append(f'<path d="M{LEFT} {at:.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(text(LEFT - 6, at + 4, f"{top * k / 4:g}", "end"))
    for k in range(0, last + 1, max(1, last // 8)):
        parts.append(text(x[k], HEIGHT - BOTTOM + 16, str(k)))
    parts.append(text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, across))
    middle = (TOP + HEIGHT - BOTTOM) / 2
    parts.append(text(14, middle, up, more=f' transform="rotate(-90 14 {middle:.1f})"'))
    for k, (name, row) in enumerate(zip(names, rows)):
        colour = COLOURS[k % len(COLOURS)]
        points = " ".join(f"{x[at]:.1f},{y(value):.1f}" for at, value in enumerate(row))
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        parts.append(text(WIDTH - RIGHT + 8, TOP + 16 * (k + 1), name, "start", f' fill="{colour}"'))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join([*parts, "</svg>", ""]))
