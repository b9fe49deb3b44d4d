"""The table that `make bench` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import machine
from machine import KERNELS
from results import Results
from rows import Row, Target
from stats import Estimate, short


class Judged(NamedTuple):
    """How many times the bound a row's figure is, or the bound the figure where more is better: at most 1 is reached."""

    plain: float
    here: float  # against the bound as this machine goes; the same where nothing scales it
    bound_here: float | None

    @property
    def reached(self) -> bool:
        return self.plain <= 1

    @property
    def reached_here(self) -> bool:
        return self.here <= 1


def times(row: Row, bound: float, value: float) -> float:
    if row.rate:
        return bound / value if value else float("inf")
    return value / bound


def judge(row: Row, target: Target, value: float, ratio: float | None, factors: dict[str, Estimate]) -> Judged | None:
    """None for a bound of the ratio to a floor that was not measured."""
    if target.of_floor:
        return Judged(ratio / target.bound, ratio / target.bound, None) if ratio is not None else None
    plain = times(row, target.bound, value)
    if row.kind not in factors:
        return Judged(plain, plain, None)
    here = machine.scaled(target.bound, row.rate, factors[row.kind].median)
    return Judged(plain, times(row, here, value), here)


def said_of(short_by: float) -> str:
    return "reached" if short_by <= 1 else f"NOT reached, x{short(short_by)}"


def verdict(row: Row, target: Target, judged: Judged) -> str:
    """The bound as it stands first; then, if a factor applies, what it is on this machine."""
    sign = "≥" if row.rate and not target.of_floor else "≤"
    unit = " x floor" if target.of_floor else ""
    text = f"{sign} {target.bound:g}{unit}: {said_of(judged.plain)}"
    if judged.bound_here is None:
        return text
    return f"{text}; as this machine goes {sign} {short(judged.bound_here)}: {said_of(judged.here)}"


def bar(found: Estimate) -> str:
    return f"{short(found.low)}..{short(found.high)}"


def columns(text: str, value: str, unit: str, spread: str, beside: str, ratio: str) -> str:
    return f"{text:<50} {value:>7} {unit:<4} {spread:>15} {beside:>7} {ratio:>6}"


def judged_row(row: Row, results: Results, factors: dict[str, Estimate]) -> Judged | None:
    """None for a row without a bound, or where what the bound is about was not measured."""
    value, ratio = results.estimate(row.key), results.ratio(row)
    if value is None or row.target is None:
        return None
    return judge(row, row.target, value.median, ratio.median if ratio else None, factors)


def line_of(row: Row, results: Results, factors: dict[str, Estimate]) -> str | None:
    value = results.estimate(row.key)
    if value is None:
        return None
    floor, ratio = results.estimate(row.floor), results.ratio(row)
    spread = f"({bar(ratio)})" if ratio else ""
    judged = judged_row(row, results, factors)
    said = verdict(row, row.target, judged) if row.target and judged else ""
    beside = short(floor.median) if floor else ""
    line = columns(
        f"  {row.text}", short(value.median), row.unit, bar(value), beside, short(ratio.median) if ratio else ""
    )
    return f"{line} {spread:<14} {said}".rstrip()


def machine_lines(results: Results, factors: dict[str, Estimate]) -> Iterator[str]:
    yield "\n" + columns("This machine beside the one of the targets", "here", "", "error bar", "there", "slower")
    for kind in machine.KINDS:
        for kernel in KERNELS:
            value = results.estimate(kernel.key)
            if value is None or kernel.kind != kind:
                continue
            slower = short(kernel.slower(value.median))
            there = f"{kernel.theirs:g}"
            line = columns(f"  {kernel.text}", short(value.median), kernel.unit, bar(value), there, slower)
            yield f"{line} {kind}"
        if kind in factors:
            yield f"  factor of {kind}: {short(factors[kind].median)} ({bar(factors[kind])})"


def summary(rows: Sequence[Row], results: Results, factors: dict[str, Estimate]) -> Iterator[str]:
    """How many targets are reached, as they stand and as this machine goes; then those that are not, worst first."""
    found = [(row, judged) for row in rows if (judged := judged_row(row, results, factors)) is not None]
    met, met_here = sum(judged.reached for _, judged in found), sum(judged.reached_here for _, judged in found)
    yield f"\n{met} of {len(found)} targets reached as they stand, {met_here} as this machine goes"
    if met == met_here == len(found):
        return
    yield "missed by, worst first:"
    yield f"  {'as it stands':>12} {'as it goes':>12}"
    for row, judged in sorted(found, key=lambda pair: -pair[1].plain):
        if not judged.reached or not judged.reached_here:
            yield f"  {'x' + short(judged.plain):>12} {'x' + short(judged.here):>12}  {row.section}: {row.text}"


def lines(rows: Sequence[Row], results: Results) -> Iterator[str]:
    about, factors = results.machine, results.factors()
    yield (f"{about['cpu']}, {about['cores']} cores, load {about['load_before']:.1f} before, commit {about['commit']}, "
           f"{results.rounds} rounds; default transport {results.lane}")  # fmt: skip
    section = ""
    for row in rows:
        line = line_of(row, results, factors)
        if line is None:
            continue
        if row.section != section:
            section = row.section
            yield "\n" + columns(section, "median", "", "error bar", "floor", "ratio") + f" {'':<14} must reach"
        yield line
    yield from machine_lines(results, factors)
    yield from summary(rows, results, factors)
