"""§0 futures awaitable from asyncio: a loop inside a coroutine awaits chares, and the PE goes on meanwhile."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("imported", ("at the top", "in the coroutine"))
@pytest.mark.parametrize("n", ALL)
def test_tasks_await_futures(n: int | None, imported: str) -> None:
    """§0: mixed with sleep, gather, wait_for, run_in_executor and streams; several loops at once."""
    top = "import asyncio" if imported == "at the top" else "asyncio = None"
    inside = "" if imported == "at the top" else "global asyncio; import asyncio"
    program = """
        TOP

        class E(Chare):
            def __init__(self):
                self.ticks = 0
            def twice(self, x): return 2 * x
            def tick(self): self.ticks += 1
            def ticked(self): return self.ticks
            def fail(self): raise KeyError("no")
            @coro
            def late(self, f, value, secs):
                charm.sleep(secs)
                f.send(value)
            @coro
            def loop(self, k, peers):
                INSIDE
                async def one(p):
                    await asyncio.sleep(0.001 * (k + p) % 3)
                    return await peers[p].twice(k, ret=True)
                async def main():
                    return await asyncio.gather(*(one(p) for p in range(charm.numPes())))
                return asyncio.run(main())
            async def plain_async(self, peers):
                return await peers[0].twice(4, ret=True)
            @coro
            def waiting(self, f):
                return f.get()

        def main(args):
            INSIDE
            group = Group(E)
            pes = charm.numPes()
            me, last = group[0], group[pes - 1]

            async def client(reader, writer):
                writer.write(str(await last.twice(int(await reader.readline()), ret=True)).encode())
                writer.close()

            async def work():
                eq("await", await last.twice(3, ret=True), 6)
                eq("gather", await asyncio.gather(*(group[k % pes].twice(k, ret=True) for k in range(50))),
                   [2 * k for k in range(50)])
                eq("mixed", await asyncio.gather(asyncio.sleep(0.01, "slept"), last.twice(5, ret=True)), ["slept", 10])
                try:
                    await last.fail(ret=True)
                    check("raises", False)
                except KeyError:
                    check("raises", True)
                f = Future()
                try:
                    await asyncio.wait_for(f, 0.01)
                    check("in time", False)
                except asyncio.TimeoutError:
                    check("wait_for", not f.ready())
                last.late(f, "late", 0.01)
                eq("awaited again", await asyncio.wait_for(f, 20), "late")
                eq("ready ones", [await f, await f], ["late", "late"])
                task = asyncio.create_task(one(Future()))
                await asyncio.sleep(0)
                task.cancel()
                try:
                    await task
                except asyncio.CancelledError:
                    check("cancelled", task.cancelled())
                eq("in a thread", await asyncio.get_running_loop().run_in_executor(None, lambda: (time.sleep(0.02), 7)[1]), 7)
                futures = [Future() for _ in range(4)]
                for k in (2, 0, 3, 1): futures[k].send(k)
                eq("iwait", sorted([futures.index(x) async for x in charm.iwait(futures)]), [0, 1, 2, 3])
                await charm.wait(futures)
                event = asyncio.Event()
                asyncio.get_running_loop().call_later(0.01, event.set)
                await event.wait()
                server = await asyncio.start_server(client, "127.0.0.1", 0)
                port = server.sockets[0].getsockname()[1]
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"21\\n")
                eq("streams", await reader.read(), b"42")
                writer.close()
                server.close()
                return "done"

            async def one(f): return await f

            eq("run", asyncio.run(work()), "done")

            ticks = [0]
            async def ticking():
                await me.tick(awaitable=True)
                for k in range(5):
                    await asyncio.sleep(0.01)
                    ticks[0] += 1
            later = Future()
            charm.scheduleCallableAfter(lambda: later.send(ticks[0]), 0.025)
            asyncio.run(ticking())
            check("the PE goes on while the loop sleeps", 0 <= later.get() < 5)

            eq("several loops at once", [f.get() for f in [group[k % pes].loop(k, group_list(group), ret=True) for k in range(8)]],
               [[2 * k] * pes for k in range(8)])
            eq("an async def beside", me.plain_async(group_list(group), ret=True).get(), 8)
            gate = Future()
            held = me.waiting(gate, ret=True)
            async def opens():
                await asyncio.sleep(0.005)
                gate.send("open")
                return await held
            eq("wakes a coroutine of ours", asyncio.run(opens()), "open")
            async def blocks():
                return last.twice(8, ret=True).get()  # as any call that blocks: other tasks of the loop wait
            eq("get() inside a loop", asyncio.run(blocks()), 16)
            check("no loop is left running", asyncio._get_running_loop() is None)
            done()

        def group_list(group): return [group[p] for p in range(charm.numPes())]

        charm.start(main)
        """
    holds(program.replace("TOP", top).replace("INSIDE", inside or "pass"), n)


@pytest.mark.parametrize("n", (None, 2))
def test_where_no_coroutine_runs(n: int | None) -> None:
    """§0: in a plain method, in a loop of another thread: a clear error."""
    holds(
        """
        import asyncio, threading

        async def wait(f): return await f

        class E(Chare):
            def plain(self, f): return asyncio.run(wait(f))
            def alone(self):
                async def main():
                    await asyncio.sleep(0.001)
                    return 5
                return asyncio.run(main())

        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            raises("plain method", "NotThreadedError", e.plain(Future(), ret=True).get, "@coro", "asyncio")
            eq("asyncio alone", e.alone(ret=True).get(), 5)
            ready = Future()
            ready.send(3)
            eq("ready ones", e.plain(ready, ret=True).get(), 3) if charm.numPes() == 1 else None
            seen = []
            def other(f):
                try:
                    asyncio.run(wait(f))
                except Exception as error:
                    seen.append(error)
            thread = threading.Thread(target=other, args=[Future()])
            thread.start()
            thread.join()
            check("another thread", len(seen) == 1 and is_charm_error(seen[0]) and "thread" in str(seen[0]))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_a_loop_that_hangs(n: int) -> None:
    """§0 hang: a loop that waits for nothing but a future that nobody sends to."""
    fails(
        """
        import asyncio
        async def wait(f): await f
        def main(args): asyncio.run(wait(Future()))
        charm.start(main)
        """,
        n,
        "hangs",
        "in main",
        status=75,
    )


def test_a_task_that_fails() -> None:
    """§3.1: what asyncio.run() raises is an exception like others."""
    fails(
        """
        import asyncio
        async def main_task():
            await charm.thisProxy[0].myPe(ret=True)
            raise ValueError("from a task")
        def main(args):
            asyncio.run(main_task())
        charm.start(main)
        """,
        1,
        "ValueError: from a task",
        "PE 0, main()",
    )


@pytest.mark.parametrize("n", (1, 2))
def test_loops_that_are_dropped(n: int) -> None:
    """§0: a loop goes with all that waits in it; while it lives, a task lives that nobody else refers to."""
    holds(
        """
        import asyncio, gc, threading, warnings, weakref

        warnings.simplefilter("ignore", ResourceWarning)

        class Marked:
            pass

        async def wait(f, marked):
            return await f

        def dropped(futures, close, in_thread):
            marked = Marked()
            seen = weakref.ref(marked)
            loop = asyncio.new_event_loop()
            loop.set_exception_handler(lambda loop, context: None)  # "Task was destroyed but it is pending!"
            tasks = [loop.create_task(wait(f, marked)) for f in futures]
            loop.run_until_complete(asyncio.sleep(0.001))
            alive = weakref.ref(loop)
            if close:
                loop.close()
            del loop, tasks, marked
            collect = threading.Thread(target=gc.collect) if in_thread else None
            if collect is None:
                gc.collect()
            else:
                collect.start()
                collect.join()
            return alive() is None and seen() is None

        @coro
        def main(args):
            gc.disable()
            for close in (False, True):
                for in_thread in (False, True):
                    futures = [Future() for k in range(5)]
                    check(f"goes: {close} {in_thread}", dropped(futures, close, in_thread))
                    for k, f in enumerate(futures):  # to nobody any more
                        f.send(k)
                    eq("the futures", [f.get() for f in futures], list(range(5)))
            charm.sleep(0.01)

            async def forgetful(f):
                seen = []
                async def note():
                    seen.append(await f)
                asyncio.create_task(note())
                await asyncio.sleep(0)
                gc.collect()
                f.send(7)
                while not seen:
                    await asyncio.sleep(0.001)
                return seen
            eq("a task of nobody", asyncio.run(forgetful(Future())), [7])
            for thread in threading.enumerate():
                if thread.name == "chariot-asyncio":
                    thread.join(10)
            eq("threads", [t.name for t in threading.enumerate() if t.name == "chariot-asyncio"], [])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("first", ("sleep", "recv", "wait", "futures"))
@pytest.mark.parametrize("n", (None, 2))
def test_imported_late(n: int | None, first: str) -> None:
    """§0: it makes no difference that asyncio is imported while the job runs, whatever a loop waits for first."""
    holds(
        """
        assert "asyncio" not in sys.modules

        class E(Chare):
            def __init__(self): self.ticks = self.full = 0
            def fill(self): self.full = 1
            def tick(self): self.ticks += 1
            @coro
            def talk(self, peer):
                channel = Channel(self, peer)
                for value in ("a", "b"): channel.send(value)
            @coro
            def loop(self, peer, first):
                import asyncio
                channel, future = Channel(self, peer), Future()
                async def work():
                    if first == "sleep": return await charm.sleep(0.01)
                    if first == "recv": return [await channel.recv(), await channel.recv()]
                    if first == "wait": return await self.wait("self.full")
                    return await charm.wait([future])
                self.thisProxy.fill()
                charm.scheduleCallableAfter(future, 0.01)
                return asyncio.run(work()), asyncio._get_running_loop() is None
            @coro
            def slow(self):
                import asyncio
                async def sleeps():
                    begin = self.ticks
                    self.thisProxy.tick()
                    await asyncio.sleep(0.2)
                    return self.ticks - begin
                return asyncio.run(sleeps())

        def main(args):
            one, other = Chare(E, onPE=charm.numPes() - 1), Chare(E, onPE=0)
            other.talk(one)
            eq("FIRST", one.loop(other, "FIRST", ret=True).get(), (["a", "b"] if "FIRST" == "recv" else None, True))
            eq("the PE goes on", one.slow(ret=True).get(), 1)
            check("the finder has gone", charm.numPes() > 1 or not any("Asyncio" in str(f) for f in sys.meta_path))
            done()

        charm.start(main)
        """.replace("FIRST", first),
        n,
    )


def test_only_looked_for() -> None:
    """§0: a program that asks whether asyncio is there, and imports a part of it later."""
    holds(
        """
        import importlib.util

        def main(args):
            check("is there", importlib.util.find_spec("asyncio") is not None and "asyncio" not in sys.modules)
            import asyncio.events
            import inspect
            check("its source", "def run" in inspect.getsource(asyncio.run))
            check("its loader", type(asyncio.__loader__) is type(asyncio.events.__loader__) is type(asyncio.__spec__.loader))
            async def work():
                return await charm.sleep(0.001)
            eq("late", asyncio.run(work()), None)
            done()

        charm.start(main)
        """,
        1,
    )


@pytest.mark.parametrize("n", (None, 1, 2))
def test_tasks_that_wait_for_the_same(n: int | None) -> None:
    """§0: what is there once wakes several tasks, one takes it, and the others wait on while their loop goes on."""
    holds(
        """
        import asyncio

        class E(Chare):
            def __init__(self): self.tokens = 0
            def add(self, count): self.tokens += count
            @coro
            def consume(self, peer, tasks, values):
                channel, taken = Channel(self, peer), []
                async def take():
                    taken.append(await channel.recv())
                async def every():
                    async for value in channel: taken.append(value)
                async def ticker():
                    while True:
                        await asyncio.sleep(0.002)
                        channel.send("the loop goes on")
                async def main():
                    tick = asyncio.create_task(ticker())
                    await asyncio.gather(*(take() for _ in range(tasks)))
                    await asyncio.gather(*(every() for _ in range(3)))
                    tick.cancel()
                asyncio.run(main())
                return sorted(taken) == list(range(values)), taken[:tasks] == list(range(tasks))
            @coro
            def feed(self, peer, values):
                channel = Channel(self, peer)
                for value in range(values):
                    channel.send(value)
                    if value % 3 == 0: channel.recv()  # sends more only if it does
                del channel
            @coro
            def spend(self, tasks, tokens):
                async def one():
                    await self.wait("self.tokens > 0")
                    if self.tokens <= 0: return "returned while its condition is false"
                    self.tokens -= 1
                async def several():
                    running = [asyncio.create_task(one()) for _ in range(tasks)]
                    self.thisProxy.add(1)
                    while sum(task.done() for task in running) < 1: await asyncio.sleep(0.001)
                    await asyncio.sleep(0.02)
                    done = sum(task.done() for task in running)
                    self.thisProxy.add(tokens - 1)
                    return done, set(await asyncio.gather(*running)), self.tokens
                return asyncio.run(several())

        def main(args):
            a, b = Chare(E, onPE=charm.numPes() - 1), Chare(E, onPE=0)
            b.feed(a, 20)
            all_, in_order = a.consume(b, 7, 20, ret=True).get()
            check("each value once", all_)
            check("in their order", in_order)
            eq("one token, one task", a.spend(4, 4, ret=True).get(), (1, {None}, 0))
            done()

        charm.start(main)
        """,
        n,
    )
