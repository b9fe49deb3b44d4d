"""Judges the balancers on recorded traces and prints a table: what must be reached, what was, yes or no.

Usage: lb_bench.py [--traces DIR] [--quick]. Each row is a run of `chariot lb-lab --json`. Status 1 if a row is missed.
--quick leaves out what takes more than a moment: test/lb_lab_test.py runs it so.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[2]
LAB = ROOT / "build/release/bin/chariot-lb-lab"
Phase = dict[str, Any]


class Row(NamedTuple):
    trace: str
    balancer: str
    what: str
    target: float
    figure: Callable[[list[Phase]], float]
    more: tuple[str, ...] = ()
    slow: bool = False


def by_bound(phase: Phase) -> float:
    return float(phase["max_after"] / phase["bound"]) if phase["bound"] > 0 else 1.0


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def mean_by_bound(phases: list[Phase]) -> float:
    return mean([by_bound(phase) for phase in phases])


def worst_by_bound(phases: list[Phase]) -> float:
    return max(by_bound(phase) for phase in phases)


def most_moves(phases: list[Phase]) -> float:
    return float(max(phase["moves"] for phase in phases))


def seconds(phases: list[Phase]) -> float:
    return mean([phase["seconds"] for phase in phases])


def most_rounds(phases: list[Phase]) -> float:
    return float(max(phase.get("rounds", 0) for phase in phases))


def share_between(phases: list[Phase]) -> float:
    return 100 * mean([phase["between_after"] for phase in phases])


def next_by_bound(phases: list[Phase]) -> float:
    return mean([phase["next"] for phase in phases if "next" in phase])


EMPIRE = "empire32_every100"
FORECAST = ("--forecast",)
ROWS = [
    Row("toy16", "greedy", "max / bound", 1.001, mean_by_bound),
    Row("toy64", "greedy", "max / bound", 1.001, mean_by_bound),
    Row("toy256", "greedy", "max / bound", 1.001, mean_by_bound, slow=True),
    Row("toy256", "greedy", "seconds to decide", 0.15, seconds, slow=True),
    Row("toy256", "greedy-refine", "seconds to decide", 0.3, seconds, slow=True),
    Row(EMPIRE, "greedy", "mean max / bound, freely", 1.0112, lambda phases: round(mean_by_bound(phases), 4)),
    Row(EMPIRE, "greedy-refine:tolerance=1", "mean max / bound, freely", 1.0112, mean_by_bound),
    Row(EMPIRE, "greedy-refine:tolerance=1,moves=55", "mean max / bound", 1.036, mean_by_bound),
    Row(EMPIRE, "greedy-refine:tolerance=1,moves=55", "most moves of 256", 55, most_moves),
    Row(EMPIRE, "greedy-refine:tolerance=1,moves=26", "mean max / bound", 1.053, mean_by_bound),
    Row(EMPIRE, "greedy-refine:tolerance=1,moves=26", "most moves of 256", 26, most_moves),
    Row(EMPIRE, "gossip", "worst max / bound", 1.09, worst_by_bound),
    Row(EMPIRE, "gossip", "rounds of gossip, in all", 6, most_rounds),
    Row(EMPIRE, "graph", "mean max / bound", 1.06, mean_by_bound),
    Row(EMPIRE, "graph", "% of bytes between PEs", 35, share_between),
    Row("crowd", "gossip:iterations=4", "10^4 objects, 100 PEs: max / bound", 1.01, mean_by_bound, ("--pes", "100")),
    Row(EMPIRE, "greedy", "next phase, mean max / bound", 1.16, next_by_bound, FORECAST),
    Row("empire32_first11", "greedy", "next phase, mean max / bound", 1.11, next_by_bound, FORECAST),
]  # fmt: skip


def write_crowd(path: Path) -> None:
    lines = "".join(f"0,0,{number},1,1\n" for number in range(10_000))
    path.write_text("phase,rank,object,migratable,time\n" + lines)


def run(trace: Path, row: Row) -> list[Phase]:
    command: list[str | Path] = [LAB, trace, "--balancer", row.balancer, "--json", *row.more]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"lb_bench: {done.stderr.strip()}")
    phases: list[Phase] = json.loads(done.stdout)[0]["phases"]
    return phases


def measure(rows: list[Row], traces: Path) -> Iterator[tuple[Row, float]]:
    with tempfile.TemporaryDirectory(prefix="chariot-lb-") as directory:
        crowd = Path(directory) / "crowd.tasks.csv"
        write_crowd(crowd)
        for row in rows:
            path = crowd if row.trace == "crowd" else traces / f"{row.trace}.tasks.csv.gz"
            runs = 5 if "seconds" in row.what else 1
            yield row, min(row.figure(run(path, row)) for _ in range(runs))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--traces", type=Path, default=Path(__file__).with_name("lb-traces"))
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    missed = 0
    print(f"{'trace':18} {'balancer':36} {'figure':36} {'target':>9} {'reached':>9}")
    for row, figure in measure([row for row in ROWS if not (row.slow and args.quick)], args.traces):
        good = figure <= row.target * (1 + 1e-9)
        missed += not good
        words = " ".join([row.balancer, *(word for word in row.more if word == "--forecast")])
        print(f"{row.trace:18} {words:36} {row.what:36} {row.target:9g} {figure:9.4f} {'yes' if good else 'NO'}", flush=True)
    print(f"{missed} missed" if missed else "all reached")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
