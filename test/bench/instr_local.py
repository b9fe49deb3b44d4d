"""What instr.py counts on one PE."""

from __future__ import annotations

from typing import Any

from instr_marks import measure, quiet

from chariot import Array, Channel, Chare, Future, charm, coro, when

ELEMENTS = 100


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

    @when("self.sum >= value")
    def add_when(self, value: int) -> None:
        self.sum += value

    def answer(self) -> int:
        return 1

    def fail(self) -> None:
        raise ValueError("as asked for")

    def complete(self, future: Any) -> None:
        future.send()

    async def resume_async(self, count: int) -> None:
        for _ in range(count):
            future = Future()
            self.thisProxy.complete(future)
            await future

    @coro
    def wait_for(self, future: Any) -> None:
        future.get()
        self.left -= 1

    @coro
    def ping(self, other: Any, count: int) -> None:
        channel: Any = Channel(self, remote=other)
        for _ in range(count):
            channel.send(1)
            channel.recv()

    @coro
    def pong(self, other: Any, count: int) -> None:
        channel: Any = Channel(self, remote=other)
        for _ in range(count):
            channel.recv()
            channel.send(1)

    @coro
    def sum_up(self) -> None:
        self.allreduce(1, None).get()

    def part(self) -> None:
        pass

    @coro
    def spawn(self, count: int, at_once: int) -> None:
        for _ in range(0, count, at_once):
            self.left = at_once
            futures = [Future() for _ in range(at_once)]
            for future in futures:
                self.thisProxy.wait_for(future)
            self.thisProxy.answer(awaitable=True).get()
            for future in futures:
                future.send()
            while self.left:
                self.thisProxy.answer(awaitable=True).get()


def main(args: list[str]) -> None:
    chare, other = Chare(Local), Chare(Local)
    array = Array(Local, ELEMENTS)
    charm.awaitCreation(chare, other, array)

    def calls(method: str) -> Any:
        call = getattr(chare, method)

        def run(count: int) -> None:
            for _ in range(count):
                call(0)
            chare.answer(awaitable=True).get()

        return run

    def awaited(count: int) -> None:
        for _ in range(count):
            chare.answer(ret=True).get()

    def failing(count: int) -> None:
        for _ in range(count):
            try:
                chare.fail(ret=True).get()
            except ValueError:
                pass

    def ready(count: int) -> None:
        for _ in range(count):
            future = Future()
            future.send()
            future.get()

    def resume(count: int) -> None:
        for _ in range(count):
            future = Future()
            chare.complete(future)
            future.get()

    def channel(count: int) -> None:
        done = chare.pong(other, count, awaitable=True)
        other.ping(chare, count, awaitable=True).get()
        done.get()

    def tasks(count: int) -> None:
        charm.pool.map(abs, range(count), chunksize=1)

    def tasks_awaited(count: int) -> None:
        for n in range(count):
            charm.pool.Task(abs, (n,), ret=True).get()

    def of_array(method: str, **options: bool) -> Any:
        call = getattr(array, method)

        def run(count: int) -> None:
            for _ in range(count // ELEMENTS):
                call(**options).get()

        return run

    quiet()
    measure("call", calls("add"), 400)
    measure("call.coro", calls("add_coro"), 400)
    measure("call.async", calls("add_async"), 400)
    measure("call.when", calls("add_when"), 400)
    measure("call.awaited", awaited, 200)
    measure("call.exception", failing, 50)
    measure("future", ready, 200)
    measure("future.coro", resume, 200)
    measure("future.async", lambda count: chare.resume_async(count, awaitable=True).get(), 200)
    measure("spawn", lambda count: chare.spawn(count, 1, awaitable=True).get(), 100)
    measure("spawn.many", lambda count: chare.spawn(count, 500, awaitable=True).get(), 500)
    measure("channel", channel, 200)
    measure("pool.map", tasks, 600)
    measure("pool.task", tasks_awaited, 100)
    measure("array.awaited", of_array("part", awaitable=True), 500)
    measure("array.ret", of_array("answer", ret=True), 500)
    measure("array.allreduce", of_array("sum_up", awaitable=True), 500)
    charm.exit()


charm.start(main)
