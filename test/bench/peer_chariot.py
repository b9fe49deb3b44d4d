"""The peers' work on Chariot: chariot run -n 2 (or 4) peer_chariot.py WHO."""

from __future__ import annotations

from typing import Any

from peer_work import MIB, Do, empty, report_all, twice

from bench import Clock
from chariot import Chare, Group, Reducer, charm, coro


class Actor(Chare):
    def nothing(self) -> None:
        pass

    def echo(self, value: Any) -> Any:
        return value

    @coro
    def barriers(self, count: int) -> float:
        self.allreduce().get()
        clock = Clock()
        for _ in range(count):
            self.allreduce().get()
        return clock.seconds()

    @coro
    def sums(self, count: int) -> float:
        self.allreduce().get()
        clock = Clock()
        for _ in range(count):
            self.allreduce(MIB, Reducer.sum).get()
        return clock.seconds()


def trips(actor: Any, count: int) -> None:
    for _ in range(count):
        actor.nothing(awaitable=True).get()


def burst(actor: Any, count: int) -> None:
    for _ in range(count):
        actor.nothing()
    actor.nothing(awaitable=True).get()


def arrays(actor: Any, count: int) -> None:
    for _ in range(count):
        actor.echo(MIB, ret=True).get()


def create(count: int) -> None:
    """On the other PE, until each is there."""
    charm.awaitCreation(*[Chare(Actor, onPE=1) for _ in range(count)])


def map_tasks(count: int) -> None:
    charm.pool.map(twice, range(count))


def tasks_awaited(count: int) -> None:
    for n in range(count):
        charm.pool.Task(twice, (n,), ret=True).get()


def work(group: Any) -> dict[str, Do]:
    actor = group[1]
    together: dict[str, Do] = {
        "barrier": lambda n: float(group.barriers(n, ret=True).get()[0]),
        "sum": lambda n: float(group.sums(n, ret=True).get()[0]),
    }
    if charm.numPes() > 2:
        return together
    alone: dict[str, Do] = {
        "round_trip": lambda n: trips(actor, n),
        "one_way": lambda n: burst(actor, n),
        "array": lambda n: arrays(actor, n),
        "tasks": map_tasks,
        "task": tasks_awaited,
        "create": create,
    }
    return alone | together


def main(args: list[str]) -> None:
    if not empty():
        group = Group(Actor)
        charm.awaitCreation(group)
        report_all(args[1], work(group))
    charm.exit()


charm.start(main)
