"""Measures and prints the table; see programs.py and rows.py for what, README.md for how to read it.

    .venv/bin/python test/bench/run.py [--rounds N] [--only REGEX] [--keep]

Programs run one after the other, in several rounds, so that what the machine does meanwhile falls on all of them. A
ratio is taken within each round, between figures of the same minute. Figures go to build/bench/*.json and the curves
over message size to build/bench/*.svg, with --keep to test/bench/results/ too. The status is 0 if every program ran to
its end, whatever it measured.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import time
from pathlib import Path

import machine
import plot
import table
from programs import BENCH, HOSTS, LANES, NOT_THERE, PYTHON, SOURCES, STARTS, Source, Timed
from results import Results, figures_of
from rows import rows

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = ".venv/bin/chariot"
TIMEOUT_S = 120


def command_of(program: Source | Timed, default: str) -> list[str]:
    lane = ["--transport", program.lane or default]
    return (
        [CHARIOT, "run", "-n", str(program.pes), "--quiet", *lane, *program.command]
        if program.pes
        else list(program.command)
    )


def run(command: list[str], env: dict[str, str] | None = None, timeout_s: float = TIMEOUT_S) -> tuple[str, float, str]:
    """What it printed, its milliseconds, and what went wrong ("" for nothing)."""
    begin = time.perf_counter()
    try:
        done = subprocess.run(
            command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout_s, stdin=subprocess.DEVNULL
        )
    except OSError as error:
        return "", 0, str(error)
    except subprocess.TimeoutExpired:
        return "", 0, f"no end after {timeout_s:.0f} s"
    ms = (time.perf_counter() - begin) * 1e3
    return done.stdout, ms, "" if done.returncode == 0 else f"status {done.returncode}: {done.stderr.strip()[-400:]}"


def one_round(sources: list[Source], starts: list[Timed], results: Results) -> None:
    figures: dict[str, float] = {}
    for source in sources:
        if results.rounds % source.every != 0:
            continue
        said, _, wrong = run(command_of(source, results.lane))
        try:
            figures.update(figures_of(said))
        except ValueError as error:
            wrong = wrong or f"said: {error}"
        if wrong:
            results.failures[source.name] = wrong
    for timed in starts:
        _, ms, wrong = run(command_of(timed, results.lane))
        if wrong:
            results.failures[timed.key] = wrong
        else:
            figures[timed.key] = ms
    results.add_round(figures)


def refused_lanes() -> dict[str, str]:
    """Transports that this version has not, and what it says of them."""
    asked = {
        lane: run([CHARIOT, "run", "-n", "2", "--quiet", "--transport", lane, BENCH + "empty"])[2] for lane in LANES
    }
    asked[HOSTS] = run([PYTHON, "test/bench/between.py", "--missing"])[0]
    return {lane: why for lane, why in asked.items() if why}


def write(name: str, text: str, keep: bool) -> Path:
    folders = [ROOT / "build/bench"] + ([ROOT / "test/bench/results"] if keep else [])
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return (folders[-1] / name).relative_to(ROOT)


def report(results: Results, refused: dict[str, str], keep: bool) -> None:
    all_rows = rows(results.lane)
    results.units = {row.key: row.unit for row in all_rows if row.key in results.values}
    for line in table.lines(all_rows, results):
        print(line)
    print("\nnot there yet:")
    for what, why in (*NOT_THERE, *((f"rows over {lane}", why) for lane, why in refused.items())):
        print(f"  {what} ({why})")
    name = f"{results.machine['time'].replace(':', '').replace('-', '')}-{results.machine['commit']}"
    print(f"\nall figures: {write(f'{name}.json', results.as_json(), keep)}")
    for curve, text in plot.curves(results).items():
        print(f"curve: {write(f'{name}-{curve}.svg', text, keep)}")
    for program, wrong in results.failures.items():
        print(f"failed: {program}: {wrong}")


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Chariot beside its floors.")
    parser.add_argument("--rounds", type=int, default=7, help="how often everything is measured (7)")
    parser.add_argument("--only", default="", help="only programs whose name matches this regular expression")
    parser.add_argument("--keep", action="store_true", help="write the results to test/bench/results/ too")
    options = parser.parse_args()
    results, refused = Results(machine.describe(ROOT), ""), refused_lanes()
    results.lane = next((lane for lane in LANES if lane not in refused), LANES[-1])
    sources = [source for source in SOURCES if re.search(options.only, source.name) and source.lane not in refused]
    starts = [timed for timed in STARTS if re.search(options.only, timed.key) and timed.lane not in refused]
    for number in range(max(options.rounds, 1)):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        one_round(sources, starts, results)
    report(results, refused, options.keep)
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
