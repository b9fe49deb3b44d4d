"""What calls and coroutines cost on one PE in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bench import Clock, batches, report, report_millions
from chariot import Channel, Chare, Future, charm, coro, when

BATCH = 500


class Local(Chare):
    def __init__(self) -> None:
        self.sum = 0
        self.left = 0
        self.ready = True

    def add(self, value: int) -> None:
        self.sum += value

    @coro
    def add_coro(self, value: int) -> None:
        self.sum += value

    async def add_async(self, value: int) -> None:
        self.sum += value

    @when("self.ready")
    def add_when(self, value: int) -> None:
        self.sum += value

    def answer(self) -> int:
        return 1

    @coro
    def resume(self, count: int) -> float:
        """Really suspends: the value comes by a message from ourselves."""
        clock = Clock()
        for _ in range(count):
            future = Future()
            self.thisProxy.complete(future)
            future.get()
        return clock.seconds()

    async def resume_async(self, count: int) -> float:
        clock = Clock()
        for _ in range(count):
            future = Future()
            self.thisProxy.complete(future)
            await future
        return clock.seconds()

    def complete(self, future: Any) -> None:
        future.send()

    @coro
    def wait_once(self, future: Any) -> None:
        future.get()
        self.left -= 1

    @coro
    def spawn(self, batches: int) -> float:
        """BATCH coroutines each that begin, suspend, resume and end."""
        clock = Clock()
        for _ in range(batches):
            self.left = BATCH
            futures = [Future() for _ in range(BATCH)]
            for future in futures:
                self.thisProxy.wait_once(future)
            self.thisProxy.answer(awaitable=True).get()
            for future in futures:
                future.send()
            while self.left:
                self.thisProxy.answer(awaitable=True).get()
        return clock.seconds()


class End(Chare):
    """One of two ends of a channel on the same PE."""

    def connect(self, other: Any) -> None:
        self.channel = Channel(self, other)

    @coro
    def trips(self, count: int, first: bool) -> None:
        channel = self.channel
        for _ in range(count):
            if first:
                channel.send(1)
            channel.recv()
            if not first:
                channel.send(1)


def send_add(chare: Any, count: int) -> None:
    for n in range(count):
        chare.add(n)


def send_coro(chare: Any, count: int) -> None:
    for n in range(count):
        chare.add_coro(n)


def send_async(chare: Any, count: int) -> None:
    for n in range(count):
        chare.add_async(n)


def send_when(chare: Any, count: int) -> None:
    for n in range(count):
        chare.add_when(n)


def calls(chare: Any, send: Callable[[Any, int], None], count: int) -> None:
    """BATCH at a time, so that what waits stays small."""
    while count > 0:
        send(chare, min(count, BATCH))
        count -= BATCH
        chare.answer(awaitable=True).get()


def awaited(chare: Any, count: int) -> None:
    for _ in range(count):
        chare.answer(ret=True).get()


def channel_trips(first: Any, second: Any, count: int) -> None:
    ends = [second.trips(count, False, awaitable=True), first.trips(count, True, awaitable=True)]
    for end in ends:
        end.get()


def main(args: list[str]) -> None:
    chare, first, second = Chare(Local, onPE=0), Chare(End, onPE=0), Chare(End, onPE=0)
    charm.awaitCreation(chare, first, second)
    first.connect(second, awaitable=True).get()
    second.connect(first, awaitable=True).get()
    report_millions("py.local.calls", lambda n: calls(chare, send_add, n))
    report_millions("py.local.coro", lambda n: calls(chare, send_coro, n))
    report_millions("py.local.async", lambda n: calls(chare, send_async, n))
    report_millions("py.local.when", lambda n: calls(chare, send_when, n))
    report_millions("py.local.awaited", lambda n: awaited(chare, n))
    report_millions("py.local.resume", lambda n: chare.resume(n, ret=True).get())
    report_millions("py.local.resume.async", lambda n: chare.resume_async(n, ret=True).get())
    for seconds in batches(lambda n: float(chare.spawn(n, ret=True).get())):
        report("py.local.spawn", BATCH * 1e-6 / seconds)
    report_millions("py.local.channel", lambda n: channel_trips(first, second, n))
    charm.exit()


charm.start(main)
