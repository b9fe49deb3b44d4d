"""Phases of a program that instr.py counts: what ran, how often, and a mark behind each."""

from __future__ import annotations

import gc
import os
from collections.abc import Callable


def mark() -> None:
    """Where callgrind writes down what it has counted (instr.py says so by --dump-before)."""
    os.getpgid(0)


def quiet() -> None:
    """The collector's runs depend on what else there is; counts are to depend on the operation alone."""
    gc.collect()
    gc.disable()


def measure(key: str, operation: Callable[[int], object], count: int) -> None:
    """Counts once and three times; what one operation costs is half the difference, over count: start and end cancel."""
    operation(count)
    for times in (count, 3 * count):
        mark()
        operation(times)
        mark()
        print("phase", key, times, flush=True)
