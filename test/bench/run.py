"""Measures and prints the table; see table.py for what, README.md for how to read it.

    .venv/bin/python test/bench/run.py [--rounds N] [--only REGEX] [--keep]

Programs run one after the other, in several rounds, so that what the machine does meanwhile falls on all of them. A ratio
is taken within each round, between figures of the same minute; the table shows medians, and the smallest and the largest.
Results go to build/bench/*.json, and with --keep to test/bench/results/ too. The status is 0 if every program ran to
its end, whatever it measured.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from table import ROWS, SOURCES, STARTS, Row, Source, Target, Timed

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = ".venv/bin/chariot"
TIMEOUT_S = 120

Rounds = list[dict[str, float]]


def command_of(source: Source | Timed) -> list[str]:
    options = source.options if isinstance(source, Source) else ()
    launch = [CHARIOT, "run", "-n", str(source.pes), "--quiet", *options] if source.pes else []
    return launch + list(source.command)


def run(source: Source | Timed) -> tuple[str, float, str]:
    """What it printed, its milliseconds, and what went wrong ("" for nothing)."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command_of(source), cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        return "", 0, str(error)
    except subprocess.TimeoutExpired:
        return "", 0, f"no end after {TIMEOUT_S} s"
    ms = (time.perf_counter() - begin) * 1e3
    return done.stdout, ms, "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr.strip()[-400:]}"


def one_round(sources: tuple[Source, ...], starts: tuple[Timed, ...], failures: dict[str, str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for source in sources:
        said, _, wrong = run(source)
        if wrong:
            failures[source.name] = wrong
        for line in said.splitlines():
            key, _, number = line.partition(" ")
            try:
                values[key] = float(number)
            except ValueError:
                failures[source.name] = f"said: {line[:80]}"
    for timed in starts:
        _, ms, wrong = run(timed)
        if wrong:
            failures[timed.key] = wrong
        else:
            values[timed.key] = ms
    return values


def ratios(row: Row, rounds: Rounds) -> list[float]:
    pairs = [(values[row.key], values[row.floor]) for values in rounds if row.key in values and row.floor in values]
    return [floor / value if row.rate else value / floor for value, floor in pairs if value > 0 and floor > 0]


def reached(row: Row, target: Target, value: float, ratio: float | None) -> bool:
    if target.of == "ratio":
        return ratio is not None and ratio <= target.bound
    return value >= target.bound if row.rate else value <= target.bound


def short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def judged(row: Row, target: Target, value: float, ratio: float | None) -> str:
    sign = "≥" if row.rate and target.of == "value" else "≤"
    unit = " x floor" if target.of == "ratio" else ""
    verdict = "reached" if reached(row, target, value, ratio) else "not reached"
    return f"{target.who} {sign} {target.bound:g}{unit}: {verdict}"


def line_of(row: Row, rounds: Rounds) -> str | None:
    seen = [values[row.key] for values in rounds if row.key in values]
    if not seen:
        return None
    value, floor = statistics.median(seen), [values[row.floor] for values in rounds if row.floor in values]
    found = ratios(row, rounds)
    ratio = statistics.median(found) if found else None
    spread = f"{short(min(seen))}..{short(max(seen))}"
    beside = f"{short(statistics.median(floor)):>7}" if floor else " " * 7
    times = f"{short(ratio):>6}" if ratio is not None else " " * 6
    verdicts = "; ".join(judged(row, target, value, ratio) for target in row.targets)
    return f"  {row.text:<50} {short(value):>7} {row.unit:<4} {spread:>15} {beside} {times}  {verdicts}".rstrip()


def print_table(rounds: Rounds) -> None:
    section = ""
    for row in ROWS:
        line = line_of(row, rounds)
        if line is None:
            continue
        if row.section != section:
            section = row.section
            print(f"\n{section:<52} {'median':>7} {'':<4} {'least..most':>15} {'floor':>7} {'ratio':>6}")
        print(line)


def print_summary(rounds: Rounds) -> None:
    """How many of whose targets are reached."""
    verdicts: dict[str, list[bool]] = {}
    for row in ROWS:
        seen = [values[row.key] for values in rounds if row.key in values]
        found = ratios(row, rounds)
        for target in row.targets if seen else ():
            ratio = statistics.median(found) if found else None
            verdicts.setdefault(target.who, []).append(reached(row, target, statistics.median(seen), ratio))
    print()
    for who, all_of in verdicts.items():
        print(f"{who}: {sum(all_of)} of {len(all_of)} targets reached")


def machine() -> dict[str, Any]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def as_json(about: dict[str, Any], rounds: Rounds, failures: dict[str, str]) -> str:
    rows = []
    for row in ROWS:
        seen = [values[row.key] for values in rounds if row.key in values]
        if not seen:
            continue
        found = ratios(row, rounds)
        value, ratio = statistics.median(seen), statistics.median(found) if found else None
        targets = [
            {"who": t.who, "of": t.of, "bound": t.bound, "reached": reached(row, t, value, ratio)} for t in row.targets
        ]
        rows.append({"section": row.section, "text": row.text, "key": row.key, "unit": row.unit, "median": value,
                     "all": seen, "floor": row.floor, "ratio": ratio, "targets": targets})  # fmt: skip
    return json.dumps({"machine": about, "rows": rows, "failures": failures, "rounds": rounds}, indent=1) + "\n"


def write_results(about: dict[str, Any], text: str, keep: bool) -> Path:
    name = f"{about['time'].replace(':', '').replace('-', '')}-{about['commit']}.json"
    folders = [ROOT / "build/bench"] + ([ROOT / "test/bench/results"] if keep else [])
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folders[-1] / name


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Chariot beside its floors.")
    parser.add_argument("--rounds", type=int, default=5, help="how often everything is measured (5)")
    parser.add_argument("--only", default="", help="only programs whose name matches this regular expression")
    parser.add_argument("--keep", action="store_true", help="write the results to test/bench/results/ too")
    options = parser.parse_args()
    sources = tuple(source for source in SOURCES if re.search(options.only, source.name))
    starts = tuple(timed for timed in STARTS if re.search(options.only, timed.key))
    about, failures, rounds = machine(), dict[str, str](), Rounds()
    for number in range(max(options.rounds, 1)):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        rounds.append(one_round(sources, starts, failures))
    print(f"{about['cpu']}, {about['cores']} cores, load {about['load_before']:.1f} before, commit {about['commit']}")
    print_table(rounds)
    print_summary(rounds)
    path = write_results(about, as_json(about, rounds, failures), options.keep)
    print(f"\nall figures: {path.relative_to(ROOT)}")
    for name, wrong in failures.items():
        print(f"failed: {name}: {wrong}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
