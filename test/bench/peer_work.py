"""What every peer is given to do: the same functions, sizes and names of figures."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
from bench import batches, report, report_ms, report_us

MIB = np.ones(1 << 17)
TASKS_S = 0.1  # a batch of tasks, creations, messages one way

Do = Callable[[int], float | None]


def twice(value: int) -> int:
    return value + value


def report_thousands(key: str, do: Do) -> None:
    """Thousands a second."""
    for seconds in batches(do, TASKS_S):
        report(key, 1e-3 / seconds)


def report_all(who: str, work: dict[str, Do]) -> None:
    """What there is of: round_trip, one_way, array, tasks, task, create, barrier, sum."""
    forms = {"one_way": report_thousands, "tasks": report_thousands, "create": report_thousands, "sum": report_ms}
    for name, do in work.items():
        forms.get(name, report_us)(f"{who}.{name}", do)


def empty() -> bool:
    """Only to start and end."""
    return "PEER_EMPTY" in os.environ
