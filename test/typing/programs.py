"""What a type checker must make of programs. Checked by mypy --strict; never run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np

from chariot import Array, Chare, Group, Reducer, charm, coro
from chariot._core import Proxy
from chariot.threads import Future


class Worker(Chare):
    def __init__(self, name: str) -> None:
        self.name = name

    def plain(self, x: int) -> int:
        return x

    @coro
    def waits(self, future: Future[int]) -> int:
        value = future.get(timeout=1.5)
        assert_type(value, int)
        return value

    async def awaits(self, future: Future[str]) -> str:
        value = await future
        assert_type(value, str)
        return value

    def contributes(self, target: Future[Any]) -> None:
        self.reduce(target, 1, Reducer.sum)
        self.reduce(self.thisProxy.plain, np.zeros(3), Reducer.max)
        self.reduce(target)
        self.contribute(1, Reducer.sum, target)
        assert_type(self.allreduce(1, Reducer.sum), Future[Any])
        self.reduce(target, 1, Reducer.sum, section=self.thisProxy)


def decorated_methods_keep_their_types(worker: Worker, future: Future[int]) -> None:
    assert_type(worker.waits(future), int)
    assert_type(worker.plain(3), int)


def creations_give_proxies() -> None:
    group = Group(Worker, args=["a"])
    array = Array(Worker, (2, 3), args=["a"])
    single = Chare(Worker, args=["a"], onPE=1)
    array[1, 2].plain(3)
    group[0].plain(x=3, ret=True)
    single.plain(3, awaitable=True)
    for proxy in (group, array, single):
        assert_type(proxy == group, bool)
        assert_type(hash(proxy), int)
    charm.awaitCreation(group, array, single)


def futures_of_the_runtime() -> None:
    future: Future[int] = charm.Future()
    many: Future[list[int]] = charm.Future(num_vals=3)
    future.send(3)
    future(3)
    assert_type(future.ready(), bool)
    assert_type(many.get(), list[int])
    charm.wait([future, many])


def who_and_where() -> None:
    assert_type(charm.myPe(), int)
    assert_type(charm.getHostPes(0), list[int])


def wrong_uses_are_found() -> None:
    Group(5)  # type: ignore[arg-type]
    charm.myPe(3)  # type: ignore[call-arg]
    charm.optoins  # type: ignore[attr-defined]
    future: Future[int] = charm.Future()
    future.get(timeout="x")  # type: ignore[arg-type]


def sections(worker: Worker) -> None:
    group, plane = Group(Worker, ["a"], onPEs=[0, 1]), Array(Worker, (3, 3), args=["b"])
    charm.split(plane, 2, lambda chare: chare.thisIndex[0] % 2)
    charm.split(plane, 2, section_func=lambda chare: [0, 1] if chare.name else None)
    charm.split(group, 1, elems=[0])
    charm.split(plane, 2, None, [[(0, 0)], {(1, 1)}])
    charm.combine(group, plane).plain(1)
    plane[0, 1:2].plain(1)
    group[::2].plain(1)
    assert_type(group.section, tuple[int, tuple[int, int]] | None)
    assert_type(plane[0, 0], Proxy)
    charm.split(plane, 2)  # type: ignore[call-overload]
    charm.split(plane, 2, lambda chare: "a", elems=[[0]])  # type: ignore[call-overload]


def main(args: list[str]) -> None:
    charm.exit()


charm.start(main)
