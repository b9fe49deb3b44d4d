"""The peers' work on Dask (distributed): python peer_dask.py WHO. One host, two worker processes of a thread each."""

from __future__ import annotations

import sys
from typing import Any

from distributed import Client, LocalCluster
from peer_work import MIB, Do, empty, report_all, twice


class Actor:
    def nothing(self) -> None:
        pass

    def echo(self, value: Any) -> Any:
        return value


def trips(actor: Any, count: int) -> None:
    for _ in range(count):
        actor.nothing().result()


def burst(actor: Any, count: int) -> None:
    for waiting in [actor.nothing() for _ in range(count)]:
        waiting.result()


def arrays(actor: Any, count: int) -> None:
    for _ in range(count):
        actor.echo(MIB).result()


def many_tasks(client: Any, count: int) -> None:
    client.gather(client.map(twice, range(count), pure=False))


def tasks_awaited(client: Any, count: int) -> None:
    for n in range(count):
        client.submit(twice, n, pure=False).result()


def create(client: Any, count: int) -> None:
    for future in [client.submit(Actor, actor=True, pure=False) for _ in range(count)]:
        future.result()


def main(who: str) -> None:
    with (
        LocalCluster(n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        if empty():
            return
        actor = client.submit(Actor, actor=True).result()
        work: dict[str, Do] = {
            "round_trip": lambda n: trips(actor, n),
            "one_way": lambda n: burst(actor, n),
            "array": lambda n: arrays(actor, n),
            "tasks": lambda n: many_tasks(client, n),
            "task": lambda n: tasks_awaited(client, n),
            "create": lambda n: create(client, n),
        }
        report_all(who, work)


if __name__ == "__main__":  # its workers import this file
    main(sys.argv[1])
