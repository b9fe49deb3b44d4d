"""Fills docs/scaling.md and draws docs/scaling.svg: `make bench-scale`.

Runs build/release/bench/scale (scale.c) for each number of simulated PEs, then a small sample of jobs of real processes, and
writes their tables between the marks of the page. The steps, messages and bytes do not depend on the machine; the real
processes do.
"""

from __future__ import annotations

import json
import math
import os
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
PAGE, PLOT = ROOT / "docs/scaling.md", ROOT / "docs/scaling.svg"
SIZES = (1, 4, 16, 64, 256, 1024, 4096, 16384, 100_000)
TABLE_SIZES = (64, 1024, 16384, 100_000)
REAL_SIZES = (1, 2, 4, 8, 16)
REAL_ROUNDS = 3

Row = dict[str, Any]
Costs = dict[tuple[int, str], Row]

# What each operation of scale.c is called on the page.
NAMES = {
    "start": "start-up: all agree, the entry may run",
    "group": "group is created",
    "broadcast": "broadcast",
    "awaited": "broadcast, awaited",
    "awaited far": "the same, by the last PE",
    "reduction": "reduction to a future",
    "barrier": "barrier (allreduce)",
    "quiescence": "quiescence, after something",
    "quiescence next": "quiescence, nothing since",
    "quiescence far": "quiescence, asked for by the last PE",
    "quiescence by all": "quiescence, asked for by every PE",
    "call": "call of one element, with a result",
    "destroy": "group is destroyed, awaited",
    "array": "array of 4 elements per PE is created",
    "small array": "array of 3 elements, by the last PE",
    "mapped array": "array of 4 per PE, placed by a map",
    "sparse array": "2 insertions by each PE, declared done",
    "hang report": "hang report, a coroutine on each PE",
    "exit": "exit",
}


def simulate() -> tuple[Costs, dict[int, Row]]:
    """By PEs and operation; and what a PE holds, by PEs."""
    costs: Costs = {}
    heaps: dict[int, Row] = {}
    for size in SIZES:
        begin = time.monotonic()
        program = [str(ROOT / "build/release/bench/scale"), str(size)]
        for line in subprocess.run(program, capture_output=True, text=True, check=True).stdout.splitlines():
            row = json.loads(line)
            if "op" in row:
                costs[row["pes"], row["op"]] = row
            else:
                heaps[row["pes"]] = row
        print(f"{size:7} simulated PEs, {time.monotonic() - begin:5.1f} s", flush=True)
    return costs, heaps


# ---------------------------------------------------------------- real processes

PROGRAM = """
from chariot import Chare, Group, charm


class Member(Chare):
    def weigh(self):
        found = {}
        with open("/proc/self/smaps_rollup") as rollup:
            for line in rollup:
                words = line.split()
                if words[-1] == "kB":
                    found[words[0].rstrip(":")] = int(words[1])
        private = found["Private_Clean"] + found["Private_Dirty"]
        return found["Rss"], found["Pss"], private


def main(args):
    sizes = Group(Member).weigh(ret=True).get()
    print(*[sum(column) / len(sizes) / 1024 for column in zip(*sizes)])
    charm.exit()


charm.start(main)
"""
EMPTY = "from chariot import charm\n\ncharm.start(lambda args: charm.exit())\n"


def job(pes: int, program: str) -> tuple[float, str]:
    """Seconds, and what it printed."""
    path = ROOT / "build/bench/scale_program.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(program)
    command = [str(ROOT / ".venv/bin/chariot"), "run", "-n", str(pes), "--quiet", str(path)]
    begin = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - begin, done.stdout


def real() -> list[str]:
    load = os.getloadavg()[0]
    lines = ["| processes | start to main and out | resident | its share | its own |", "|---|---|---|---|---|"]
    for pes in REAL_SIZES:
        seconds = statistics.median(job(pes, EMPTY)[0] for _ in range(REAL_ROUNDS))
        resident, share, private = (float(word) for word in job(pes, PROGRAM)[1].split())
        lines.append(f"| {pes} | {seconds:.2f} s | {resident:.1f} MB | {share:.1f} MB | {private:.1f} MB |")
        print(f"{pes:7} processes", flush=True)
    return [*lines, "", f"{os.cpu_count()} cores, load {load:.1f} when this was begun."]


# ---------------------------------------------------------------- tables


def number(value: float) -> str:
    return f"{value:,.0f}"


def time_of(us: float) -> str:
    return f"{us / 1000:.1f} ms" if us >= 10000 else f"{us:,.0f} µs"


def steps_table(costs: Costs) -> list[str]:
    sizes = " | ".join(number(size) for size in TABLE_SIZES)
    lines = [f"| steps with … PEs | {sizes} | messages per PE | most of one PE |", "|---|" + "---|" * (len(TABLE_SIZES) + 2)]
    most = TABLE_SIZES[-1]
    for op, name in NAMES.items():
        steps = " | ".join(str(costs[size, op]["steps"]) for size in TABLE_SIZES)
        last = costs[most, op]
        per_pe = number(last["messages"]) if last["messages"] < 10 else f"{last['messages'] / most:.2f}"
        unit = " in all" if last["messages"] < 10 else ""
        lines.append(f"| {name} | {steps} | {per_pe}{unit} | {number(last['busiest'])} |")
    return lines


def cluster_table(costs: Costs) -> list[str]:
    sizes = [size for size in TABLE_SIZES if size >= 64]
    hosts = " | ".join(f"{number(math.ceil(size / 64))} × 64" for size in sizes)
    lines = [f"| hosts × PEs | {hosts} | messages between hosts |", "|---|" + "---|" * (len(sizes) + 1)]
    for op, name in NAMES.items():
        times = " | ".join(time_of(costs[size, op]["us"]) for size in sizes)
        lines.append(f"| {name} | {times} | {number(costs[sizes[-1], op]['between'])} |")
    return lines


def heap_table(heaps: dict[int, Row]) -> list[str]:
    lines = ["| PEs | an idle PE | with a group on it, more | with an array's element, more |", "|---|---|---|---|"]
    for pes, heap in heaps.items():
        lines.append(f"| {number(pes)} | {number(heap['idle'])} B | {heap['group']} B | {heap['element']} B |")
    return lines


def fill(page: str, mark: str, lines: list[str]) -> str:
    body = f"<!-- {mark} -->\n" + "\n".join(lines) + "\n<!-- end -->"
    page, count = re.subn(rf"<!-- {mark} -->.*?<!-- end -->", lambda _: body, page, flags=re.S)
    if count != 1:
        sys.exit(f"{PAGE}: there should be one mark {mark}, not {count}")
    return page


# ---------------------------------------------------------------- the plot

WIDTH, HEIGHT, LEFT, TOP, PANEL, GAP = 900, 360, 60, 40, 360, 90
COLOURS = ("#1f77b4", "#d62728", "#2ca02c", "#9467bd", "#7f7f7f")
Series = dict[str, list[tuple[int, float]]]


def place_x(at: int, pes: int) -> float:
    return LEFT + at * (PANEL + GAP) + PANEL * math.log(pes) / math.log(SIZES[-1])


def panel(at: int, title: str, series: Series, top: float) -> list[str]:
    """Lines over the number of PEs, on a logarithmic axis; values from 0 to `top`."""
    bottom, height, left = HEIGHT - 50, HEIGHT - 50 - TOP, LEFT + at * (PANEL + GAP)
    out = [f'<text x="{left}" y="{TOP - 15}" font-weight="bold">{title}</text>']
    for k in range(6):
        y = bottom - height * k / 5
        out.append(f'<path d="M{left} {y:.1f}h{PANEL}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 6}" y="{y + 4:.1f}" text-anchor="end">{number(top * k / 5)}</text>')
    for pes in (1, 10, 100, 1000, 10_000, 100_000):
        out.append(f'<text x="{place_x(at, pes):.1f}" y="{bottom + 18}" text-anchor="middle">{number(pes)}</text>')
    out.append(f'<text x="{left + PANEL / 2}" y="{bottom + 38}" text-anchor="middle">PEs</text>')
    for i, (name, points) in enumerate(series.items()):
        line = " ".join(f"{place_x(at, pes):.1f},{bottom - height * value / top:.1f}" for pes, value in points)
        out.append(f'<polyline points="{line}" fill="none" stroke="{COLOURS[i]}" stroke-width="2"/>')
        out.append(f'<text x="{left + 10}" y="{TOP + 14 + 16 * i}" fill="{COLOURS[i]}">{name}</text>')
    return out


def over_pes(costs: Costs, op: str, key: str) -> list[tuple[int, float]]:
    return [(size, costs[size, op][key]) for size in SIZES]


def plot(costs: Costs) -> str:
    drawn = {"quiescence": "quiescence", "barrier": "barrier", "broadcast": "broadcast", "call": "call with a result"}
    steps = {name: over_pes(costs, op, "steps") for op, name in drawn.items()}
    times = {name: over_pes(costs, op, "us") for op, name in drawn.items()}
    times["1 message of each PE to PE 0"] = [(size, size * 0.5 + 26) for size in SIZES if size * 0.5 + 26 < 1000]
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
        *panel(0, "Steps, counted", steps, 50),
        *panel(1, "Time on hosts of 64 PEs, modelled (µs)", times, 1000),
        "</svg>",
    ]
    return "\n".join(out) + "\n"


def main() -> None:
    costs, heaps = simulate()
    page = PAGE.read_text()
    page = fill(page, "steps", steps_table(costs))
    page = fill(page, "cluster", cluster_table(costs))
    page = fill(page, "heap", heap_table(heaps))
    page = fill(page, "real", real())
    PAGE.write_text(page)
    PLOT.write_text(plot(costs))
    print(f"wrote {PAGE.relative_to(ROOT)} and {PLOT.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
