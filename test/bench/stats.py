"""What is made of the figures of several rounds: a median with its error bar, ratios, the difference of two runs."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from typing import NamedTuple

CONFIDENCE = 0.95
RESOLUTION = 0.02  # what differs by less is not called different, however steady it is


class Estimate(NamedTuple):
    """A median, and the interval in which the true one lies with at least 95 % confidence, as far as rounds are alike."""

    median: float
    low: float
    high: float


def interval_ranks(count: int) -> tuple[int, int]:
    """Which of `count` sorted values bound the median's interval (from 0): the innermost pair that is still confident
    enough; the outermost where there are too few values for any (less than 6)."""
    drop, outside = 0, 0.0
    while 2 * (drop + 1) < count:
        outside += 2 * math.comb(count, drop) / 2**count
        following = outside + 2 * math.comb(count, drop + 1) / 2**count
        if 1 - following < CONFIDENCE:
            break
        drop += 1
    return drop, count - 1 - drop


def estimate(values: Sequence[float]) -> Estimate:
    """Of one value or more."""
    ordered = sorted(values)
    low, high = interval_ranks(len(ordered))
    return Estimate(statistics.median(ordered), ordered[low], ordered[high])


def ratios(values: Sequence[float | None], floors: Sequence[float | None], rate: bool) -> list[float]:
    """Round by round, the value's time over the floor's time, or the floor's rate over the value's: 1 is as good as the
    floor, more is worse. Rounds that lack either are left out."""
    pairs = [(value, floor) for value, floor in zip(values, floors, strict=True) if value and floor]
    return [floor / value if rate else value / floor for value, floor in pairs]


def apart(before: Estimate, after: Estimate, scale: float = 1) -> bool:
    """True if two runs differ beyond their error bars; the first is multiplied by `scale`."""
    low, high = before.low * scale, before.high * scale
    return after.low > high * (1 + RESOLUTION) or after.high < low * (1 - RESOLUTION)


def short(value: float) -> str:
    for least, digits in ((100, 0), (10, 1), (0.1, 2)):
        if abs(value) >= least:
            return f"{value:.{digits}f}"
    return f"{value:.2g}"
