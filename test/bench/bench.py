"""What the Python measuring programs share: the form of a result, and a clock around a loop."""

from __future__ import annotations

import time


def report(key: str, value: float) -> None:
    """One line for run.py, as in c/bench.h; units are in table.py."""
    print(f"{key} {value:.6g}", flush=True)


class Clock:
    def __init__(self) -> None:
        self.begin = time.perf_counter()

    def us_per(self, count: int) -> float:
        return (time.perf_counter() - self.begin) / count * 1e6

    def millions_per_second(self, count: int) -> float:
        return count / (time.perf_counter() - self.begin) / 1e6

    def ms(self) -> float:
        return (time.perf_counter() - self.begin) * 1e3


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
