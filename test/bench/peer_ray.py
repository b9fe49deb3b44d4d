"""The peers' work on Ray: python peer_ray.py WHO. One host, two cores, actors of one process each."""

from __future__ import annotations

import sys
import tempfile
from typing import Any

import ray
from peer_work import MIB, Do, empty, report_all, twice


class Actor:
    def nothing(self) -> None:
        pass

    def echo(self, value: Any) -> Any:
        return value


Remote: Any = ray.remote(Actor)


def trips(actor: Any, count: int) -> None:
    for _ in range(count):
        ray.get(actor.nothing.remote())


def burst(actor: Any, count: int) -> None:
    ray.get([actor.nothing.remote() for _ in range(count)])


def arrays(actor: Any, count: int) -> None:
    for _ in range(count):
        ray.get(actor.echo.remote(MIB))


def many_tasks(task: Any, count: int) -> None:
    ray.get([task.remote(n) for n in range(count)])


def tasks_awaited(task: Any, count: int) -> None:
    for n in range(count):
        ray.get(task.remote(n))


def create(count: int) -> None:
    """Until each has answered; one process each, which are ended again."""
    actors = [Remote.options(num_cpus=0).remote() for _ in range(count)]
    ray.get([actor.nothing.remote() for actor in actors])
    for actor in actors:
        ray.kill(actor)


def main(who: str) -> None:
    with tempfile.TemporaryDirectory(prefix="r-") as place:
        ray.init(
            num_cpus=2, include_dashboard=False, log_to_driver=False, configure_logging=False, _temp_dir=place,
            _node_ip_address="127.0.0.1", object_store_memory=256 << 20,
        )  # fmt: skip
        task = ray.remote(twice)
        actor = Remote.remote()
        work: dict[str, Do] = {
            "round_trip": lambda n: trips(actor, n),
            "one_way": lambda n: burst(actor, n),
            "array": lambda n: arrays(actor, n),
            "tasks": lambda n: many_tasks(task, n),
            "task": lambda n: tasks_awaited(task, n),
            "create": create,
        }
        if not empty():
            report_all(who, work)
        ray.shutdown()


main(sys.argv[1])
