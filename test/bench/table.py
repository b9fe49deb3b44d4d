"""The table that `make bench` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import machine
from machine import KERNELS
from results import Results
from rows import Row, Target
from stats import Estimate, short


def reached(row: Row, bound: float, of_floor: bool, value: float, ratio: float | None) -> bool:
    if of_floor:
        return ratio is not None and ratio <= bound
    return value >= bound if row.rate else value <= bound


def verdict(row: Row, target: Target, value: float, ratio: float | None, factors: dict[str, Estimate]) -> str:
    """The bound as it stands first; then, if a factor applies, what it is worth on this machine."""
    sign = "≥" if row.rate and not target.of_floor else "≤"
    unit = " x floor" if target.of_floor else ""
    met = reached(row, target.bound, target.of_floor, value, ratio)
    text = f"{sign} {target.bound:g}{unit}: {'reached' if met else 'NOT reached'}"
    if met or target.of_floor or row.kind not in factors:
        return text
    here = machine.scaled(target.bound, row.rate, factors[row.kind].median)
    met_here = reached(row, here, False, value, None)
    return f"{text}; as this machine {sign} {short(here)}: {'reached' if met_here else 'NOT reached'}"


def bar(found: Estimate) -> str:
    return f"{short(found.low)}..{short(found.high)}"


def columns(text: str, value: str, unit: str, spread: str, beside: str, ratio: str) -> str:
    return f"{text:<50} {value:>7} {unit:<4} {spread:>15} {beside:>7} {ratio:>6}"


def line_of(row: Row, results: Results, factors: dict[str, Estimate]) -> str | None:
    value = results.estimate(row.key)
    if value is None:
        return None
    floor, ratio = results.estimate(row.floor), results.ratio(row)
    beside = short(floor.median) if floor else ""
    times = short(ratio.median) if ratio else ""
    spread = f"({bar(ratio)})" if ratio else ""
    said = verdict(row, row.target, value.median, ratio.median if ratio else None, factors) if row.target else ""
    line = columns(f"  {row.text}", short(value.median), row.unit, bar(value), beside, times)
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
    """How many targets are reached, as they stand and as this machine goes."""
    total = met = met_here = 0
    for row in rows:
        value, ratio = results.estimate(row.key), results.ratio(row)
        if value is None or row.target is None:
            continue
        total += 1
        own = ratio.median if ratio else None
        as_is = reached(row, row.target.bound, row.target.of_floor, value.median, own)
        here = row.target.bound
        if not row.target.of_floor and row.kind in factors:
            here = machine.scaled(here, row.rate, factors[row.kind].median)
        met += as_is
        met_here += as_is or reached(row, here, row.target.of_floor, value.median, own)
    yield f"\n{met} of {total} targets reached as they stand; {met_here} when scaled by what this machine is worth"


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
