"""What the Python measuring programs share: batches of operations, and the form of a result, as in c/bench.h."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

BATCH_S = 0.006  # a shorter batch is repeated with more operations, and not reported
BATCHES = 11
ENOUGH_S = 0.15  # three batches at least, more only while so much has not passed
MAX_COUNT = 1 << 22


def report(key: str, value: float) -> None:
    """One line for run.py, which takes the median of a program's lines of one key; units are in rows.py."""
    print(f"{key} {value:.6g}", flush=True)


class Clock:
    def __init__(self) -> None:
        self.begin = time.perf_counter()

    def seconds(self) -> float:
        return time.perf_counter() - self.begin

    def us_per(self, count: int) -> float:
        return self.seconds() / count * 1e6


def batches(do: Callable[[int], float | None], batch_s: float = BATCH_S) -> Iterator[float]:
    """Seconds per operation of every batch but those that were too short, and the first, which warms up. `do` does as
    many operations as it is told, and gives the seconds; without, those that passed count."""
    count, warm, spent, done = 1, False, 0.0, 0
    while done < BATCHES and (done < 3 or spent < ENOUGH_S):
        clock = Clock()
        own = do(count)
        seconds = clock.seconds() if own is None else own
        if seconds < batch_s and count < MAX_COUNT:
            count *= min(8, int(1.25 * batch_s / seconds) + 1) if seconds > 0 else 8
        elif not warm:
            warm = True
        else:
            yield seconds / count
            spent, done = spent + seconds, done + 1


def report_us(key: str, do: Callable[[int], float | None]) -> None:
    for seconds in batches(do):
        report(key, seconds * 1e6)


def report_ms(key: str, do: Callable[[int], float | None]) -> None:
    for seconds in batches(do):
        report(key, seconds * 1e3)


def report_millions(key: str, do: Callable[[int], float | None], batch_s: float = BATCH_S) -> None:
    """Millions of operations a second."""
    for seconds in batches(do, batch_s):
        report(key, 1e-6 / seconds)


def report_gigabytes(key: str, do: Callable[[int], float | None], size: int) -> None:
    """GB/s of operations that carry `size` bytes each."""
    for seconds in batches(do, 4 * BATCH_S):
        report(key, size * 1e-9 / seconds)


def resident_bytes() -> int:
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
