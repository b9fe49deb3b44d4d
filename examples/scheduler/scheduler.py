"""A task scheduler of one's own: chares as actors, functions as arguments, futures as callbacks.

    chariot run -n 4 examples/scheduler/scheduler.py [JOBS]

The scheduler keeps the idle workers and hands a task to each that asks. (charm.pool does that already; this shows how
little it takes.)
"""
from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any

from chariot import Chare, Group, charm
from chariot.threads import Future

Task = Callable[[Any], Any]


class Job:
    def __init__(self, function: Task, values: list[Any], done: Future[list[Any]]) -> None:
        self.function = function
        self.todo = deque(enumerate(values))
        self.results: list[Any] = [None] * len(values)
        self.left = len(values)
        self.done = done


class Scheduler(Chare):
    def __init__(self) -> None:
        self.jobs: dict[int, Job] = {}
        self.idle: list[int] = list(range(charm.numPes()))
        self.workers = Group(Worker, args=[self.thisProxy])
        self.made = 0

    def map(self, function: Task, values: list[Any], done: Future[list[Any]]) -> None:
        self.made += 1
        self.jobs[self.made] = Job(function, values, done)
        self.hand_out()

    def hand_out(self) -> None:
        for number, job in self.jobs.items():
            while job.todo and self.idle:
                place, value = job.todo.popleft()
                self.workers[self.idle.pop()].run(number, place, job.function, value)

    def finished(self, worker: int, number: int, place: int, result: Any) -> None:
        job = self.jobs[number]
        job.results[place] = result
        job.left -= 1
        self.idle.append(worker)
        if job.left == 0:
            del self.jobs[number]
            job.done.send(job.results)
        self.hand_out()


class Worker(Chare):
    def __init__(self, scheduler: Any) -> None:
        self.scheduler = scheduler

    def run(self, number: int, place: int, function: Task, value: Any) -> None:
        self.scheduler.finished(self.thisIndex, number, place, function(value))


def square(x: int) -> int:
    return x * x


def cube(x: int) -> int:
    return x**3


def main(args: list[str]) -> None:
    jobs = int(args[1]) if len(args) > 1 else 4
    scheduler = Chare(Scheduler, onPE=0)
    futures: list[Future[list[int]]] = [charm.Future() for _ in range(jobs)]
    for k, done in enumerate(futures):
        scheduler.map(cube if k % 2 else square, [k + i for i in range(10)], done)
    for k, done in enumerate(futures):
        print(f"job {k}: {done.get()}")
        assert done.get() == [(k + i) ** (3 if k % 2 else 2) for i in range(10)]
    charm.exit()


charm.start(main)
