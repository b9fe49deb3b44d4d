"""The peers' work on mpi4py: mpiexec -n 2 (or 4) python peer_mpi.py WHO. Rank 0 measures; the others follow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from mpi4py import MPI
from mpi4py.futures import MPICommExecutor
from peer_work import MIB, Do, empty, report_all, twice

COMM = MPI.COMM_WORLD
ROOM = np.empty_like(MIB)


def trips(count: int) -> None:
    for _ in range(count):
        if COMM.rank == 0:
            COMM.send(None, 1)
        if COMM.rank <= 1:
            COMM.recv(source=1 - COMM.rank)
        if COMM.rank == 1:
            COMM.send(None, 0)


def arrays(count: int) -> None:
    """By buffer, as whoever wants speed does."""
    for _ in range(count):
        if COMM.rank == 0:
            COMM.Send(MIB, 1)
        if COMM.rank <= 1:
            COMM.Recv(ROOM, 1 - COMM.rank)
        if COMM.rank == 1:
            COMM.Send(MIB, 0)


def burst(count: int) -> None:
    for _ in range(count):
        if COMM.rank == 0:
            COMM.send(None, 1)
        elif COMM.rank == 1:
            COMM.recv(source=0)
    trips(1)


def barriers(count: int) -> None:
    for _ in range(count):
        COMM.Barrier()


def sums(count: int) -> None:
    for _ in range(count):
        COMM.Allreduce(MIB, ROOM)


STEPS: list[Callable[[int], None]] = [trips, burst, arrays, barriers, sums]


def lead(step: int, count: int) -> None:
    COMM.bcast((step, count))
    STEPS[step](count)


def follow() -> None:
    while (order := COMM.bcast(None)) is not None:
        STEPS[order[0]](order[1])


def work() -> dict[str, Do]:
    names = ["barrier", "sum"] if COMM.size > 2 else ["round_trip", "one_way", "array", "barrier", "sum"]
    steps = {"round_trip": trips, "one_way": burst, "array": arrays, "barrier": barriers, "sum": sums}
    return {name: partial(lead, STEPS.index(steps[name])) for name in names}


def map_tasks(pool: Any, count: int) -> None:
    """In chunks, which is faster; Chariot's pool makes its own."""
    list(pool.map(twice, range(count), chunksize=max(1, count // 16)))


def tasks_awaited(pool: Any, count: int) -> None:
    for n in range(count):
        pool.submit(twice, n).result()


def main(who: str) -> None:
    if empty():
        return
    if COMM.rank == 0:
        report_all(who, work())
        COMM.bcast(None)
    else:
        follow()
    if COMM.size > 2:
        return
    with MPICommExecutor(COMM, root=0) as pool:
        if pool is not None:
            report_all(who, {"tasks": partial(map_tasks, pool), "task": partial(tasks_awaited, pool)})


main(sys.argv[1])
