"""What calls, coroutines and chares cost in Python. Run on 1 PE for calls; creation also on 2."""

from __future__ import annotations

import gc
from typing import Any

from bench import Clock, report, resident_bytes

from chariot import Array, Chare, Future, charm, coro

CALLS = 200_000
BATCH = 1000
ELEMENTS = 100_000


class Local(Chare):
    def __init__(self) -> None:
        self.sum = 0
        self.left = 0

    def add(self, value: int) -> None:
        self.sum += value

    @coro
    def add_coro(self, value: int) -> None:
        self.sum += value

    async def add_async(self, value: int) -> None:
        self.sum += value

    def answer(self) -> int:
        return 1

    @coro
    def suspend(self, count: int) -> float:
        clock = Clock()
        for _ in range(count):
            future = Future()
            future.send()
            future.get()
        return clock.millions_per_second(count)

    @coro
    def resume(self, count: int) -> float:
        """Really suspends: the value comes by a message from ourselves."""
        clock = Clock()
        for _ in range(count):
            future = Future()
            self.thisProxy.complete(future)
            future.get()
        return clock.millions_per_second(count)

    async def resume_async(self, count: int) -> float:
        clock = Clock()
        for _ in range(count):
            future = Future()
            self.thisProxy.complete(future)
            await future
        return clock.millions_per_second(count)

    def complete(self, future: Any) -> None:
        future.send()

    @coro
    def wait_once(self, future: Any) -> None:
        future.get()
        self.left -= 1

    @coro
    def spawn(self, count: int) -> float:
        """Coroutines that begin, suspend, resume and end."""
        clock = Clock()
        for _ in range(count // BATCH):
            self.left = BATCH
            futures = [Future() for _ in range(BATCH)]
            for future in futures:
                self.thisProxy.wait_once(future)
            self.thisProxy.answer(awaitable=True).get()
            for future in futures:
                future.send()
            while self.left:
                self.thisProxy.answer(awaitable=True).get()
        return clock.millions_per_second(count)


class Idle(Chare):
    def nothing(self) -> None:
        pass


def calls(chare: Any, method: str, count: int) -> float:
    call = getattr(chare, method)
    clock = Clock()
    for _ in range(count // BATCH):
        for n in range(BATCH):
            call(n)
        chare.answer(awaitable=True).get()
    return clock.millions_per_second(count)


def awaited(chare: Any, count: int) -> float:
    clock = Clock()
    for _ in range(count):
        chare.answer(ret=True).get()
    return clock.millions_per_second(count)


def creations(pes: int) -> None:
    gc.collect()
    before = resident_bytes()
    clock = Clock()
    array = Array(Idle, ELEMENTS)
    charm.awaitCreation(array)
    report(f"py.create.array.{pes}", clock.ms() / 1e3)
    report(f"py.memory.{pes}", (resident_bytes() - before) / (ELEMENTS / pes))
    clock = Clock()
    singles = [Chare(Idle, onPE=n % pes) for n in range(20_000)]
    charm.awaitCreation(*singles[-pes:])
    report(f"py.create.single.{pes}", clock.millions_per_second(20_000) * 1e3)
    clock = Clock()
    sparse: Any = Array(Idle, ndims=1)
    for n in range(50_000):
        sparse.ckInsert(n)
    sparse.ckDoneInserting()
    sparse.nothing(awaitable=True).get()
    report(f"py.insert.{pes}", clock.millions_per_second(50_000))


def main(args: list[str]) -> None:
    if charm.numPes() == 1:
        chare = Chare(Local)
        charm.awaitCreation(chare)
        report("py.local.calls", calls(chare, "add", CALLS))
        report("py.local.coro", calls(chare, "add_coro", CALLS))
        report("py.local.async", calls(chare, "add_async", CALLS))
        report("py.local.awaited", awaited(chare, CALLS // 2))
        report("py.local.ready", chare.suspend(CALLS, ret=True).get())
        report("py.local.resume", chare.resume(CALLS // 4, ret=True).get())
        report("py.local.resume.async", chare.resume_async(CALLS // 4, ret=True).get())
        report("py.local.spawn", chare.spawn(CALLS // 4, ret=True).get())
    creations(charm.numPes())
    charm.exit()


charm.start(main)
