"""What changed between two runs, beyond their error bars: compare.py [--all] [BEFORE.json AFTER.json]

Without files: the last two under build/bench/ and test/bench/results/. A row has changed if the error bars of the two
runs are apart, as they are and also after the first run is scaled by how much slower the machine itself was in the
second (by the kernels of the row's kind, machine.py); if they are apart only as they are, the change is the machine's.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import stats
from results import Results, latest
from rows import Row, rows
from stats import Estimate, short

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = (ROOT / "build/bench", ROOT / "test/bench/results")


class Change(NamedTuple):
    row: Row
    before: Estimate
    after: Estimate
    verdict: str  # same, better, worse, machine

    @property
    def percent(self) -> float:
        return (self.after.median / self.before.median - 1) * 100 if self.before.median else 0.0


def weather(before: Results, after: Results) -> dict[str, float]:
    """How many times as slow the machine was in the second run, by kind."""
    first, second = before.factors(), after.factors()
    return {kind: second[kind].median / first[kind].median for kind in first if kind in second}


def judged(row: Row, before: Estimate, after: Estimate, slower: float) -> str:
    if not stats.apart(before, after):
        return "same"
    if row.of_machine or not stats.apart(before, after, 1 / slower if row.rate else slower):
        return "machine"
    return "better" if (after.median > before.median) == row.rate else "worse"


def changes(before: Results, after: Results) -> list[Change]:
    """Of every row that both have."""
    slower = weather(before, after)
    found = []
    for row in rows(after.lane):
        first, second = before.estimate(row.key), after.estimate(row.key)
        if first and second:
            found.append(Change(row, first, second, judged(row, first, second, slower.get(row.kind, 1.0))))
    return found


def lines(before: Results, after: Results, everything: bool) -> Iterator[str]:
    for name, run in (("before", before), ("after", after)):
        about = run.machine
        yield f"{name:<6} {about['time']} commit {about['commit']}, {run.rounds} rounds, load {about['load_before']:.1f}"
    found = changes(before, after)
    for kind, slower in weather(before, after).items():
        yield f"the machine at {kind}: {slower:.2f} times as slow"
    section = ""
    for change in found:
        if change.verdict in ("same", "machine") and not everything:
            continue
        if change.row.section != section:
            section = change.row.section
            yield f"\n{section:<50} {'before':>24} {'after':>24}"
        yield line_of(change)
    yield f"\n{len(found)} rows in both: {counted(found)}"


def counted(found: Sequence[Change]) -> str:
    said = {"same": "the same within their error bars", "machine": "moved with the machine", "better": "better"}
    counts = {verdict: sum(change.verdict == verdict for change in found) for verdict in (*said, "worse")}
    return ", ".join(f"{count} {said.get(verdict, verdict)}" for verdict, count in counts.items())


def line_of(change: Change) -> str:
    first, second = (
        f"{short(found.median)} ({short(found.low)}..{short(found.high)})" for found in (change.before, change.after)
    )
    unit = change.row.unit
    return f"  {change.row.text:<48} {first:>24} {second:>24} {unit:<4} {change.percent:+5.0f} %  {change.verdict}"


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        description="What changed between two runs of make bench, beyond their error bars."
    )
    parser.add_argument("--all", action="store_true", help="show rows that have not changed too")
    parser.add_argument("files", nargs="*", type=Path, metavar="JSON", help="two files of results, the older first")
    options = parser.parse_args(words)
    files = options.files or latest(FOLDERS)[-2:]
    if len(files) != 2:
        parser.error(f"two files of results are needed, {len(files)} given or found: make bench writes one")
    before, after = (Results.from_json(path.read_text()) for path in files)
    for line in lines(before, after, options.all):
        print(line)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
