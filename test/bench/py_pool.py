"""What the pool costs in Python: tiny tasks by map, and a Task with a result, awaited. Run on 2, 4 and 8 PEs."""

from __future__ import annotations

from bench import batches, report, report_us
from chariot import charm


def twice(value: int) -> int:
    return value + value


def map_tasks(count: int) -> None:
    charm.pool.map(twice, range(count))


def tasks_awaited(count: int) -> None:
    for n in range(count):
        charm.pool.Task(twice, (n,), ret=True).get()


def main(args: list[str]) -> None:
    pes = charm.numPes()
    for seconds in batches(map_tasks, 0.03):
        report(f"py.pool.map.{pes}", 1e-3 / seconds)
    report_us(f"py.pool.task.{pes}", tasks_awaited)
    charm.exit()


charm.start(main)
