"""Contract §3.4, charm.startQD and charm.waitQD: never early, never missed, from any PE, to every kind of target."""

from __future__ import annotations

import pytest
from harness import PES, holds, run

TARGETS = """
    class Main(Chare):
        def __init__(self, args):
            self.heard = Future()
            members, blocks = Group(Hears), Array(Hears, (2, 3))
            single = Chare(Hears, onPE=charm.numPes() - 1)
            charm.awaitCreation(members, blocks, single)
            last = members[charm.numPes() - 1]
            plane = {"group": (members, charm.numPes()), "element": (last, 1), "array": (blocks, 6),
                     "array element": (blocks[1, 2], 1), "single": (single, 1)}
            for what, (proxy, times) in plane.items():
                for start in (charm.startQD, last.start):
                    heard = Future(times)
                    proxy.will_hear(heard, awaitable=True).get()
                    start(proxy.hear)
                    eq(what, sorted(np.ravel([heard.get()]).tolist()), [0] * times)
            f = Future()
            eq("gives", charm.startQD(f), None)
            eq("a future gets None", f.get(), None)
            last.start(f := Future())
            eq("a future of another PE", f.get(), None)
            charm.startQD(self.thisProxy.here)
            self.heard.get()
            self.heard = Future()
            last.start(self.thisProxy.here)
            self.heard.get()
            eq("waitQD", charm.waitQD(), None)
            raises("a local function", TypeError, lambda: charm.startQD(print), "Future", "builtin_function_or_method")
            raises("nothing", TypeError, lambda: charm.startQD())
            done()

        def here(self):
            self.heard.send(1)

    class Hears(Chare):
        def will_hear(self, done):
            self.done = done

        def hear(self, *args):
            self.done.send(len(args))

        def start(self, callback):
            charm.startQD(callback)

    charm.start(Main)
"""


@pytest.mark.parametrize("n", [1, 2, 4])
def test_every_target_is_called_without_arguments(n: int) -> None:
    holds(TARGETS, n)


ACTIVITY = """
    import threading

    class Worker(Chare):
        def __init__(self):
            self.count = 0
            self.late = None

        def total(self):
            return self.count

        def did(self):
            self.count += 1

        def tree(self, depth):
            time.sleep(0.0005)
            self.count += 1
            if depth:
                for i in (1, 3):
                    self.thisProxy[(self.thisIndex + i) % charm.numPes()].tree(depth - 1)

        def timers(self, left):
            self.count += 1
            if left:
                charm.scheduleCallableAfter(self.timers, 0.02, [left - 1])

        @coro
        def sleeps(self):
            charm.sleep(0.15)
            self.count += 1

        async def sleeps_async(self):
            await charm.sleep(0.15)
            self.count += 1

        @coro
        def times_out(self):
            try:
                Future().get(timeout=0.15)
            except TimeoutError:
                self.count += 1

        @coro
        def in_time(self):
            self.thisProxy[self.thisIndex].did(awaitable=True).get(timeout=3600)  # leaves no timer behind

        def remote_timer(self):
            charm.scheduleCallableAfter(self.thisProxy[0].did, 0.1)

        def computes(self):
            until = time.perf_counter() + 0.15
            while time.perf_counter() < until:
                pass
            self.count += 1

        def creates(self, blocks):
            for i in range(5):
                blocks.ckInsert((self.thisIndex, i), args=[self.thisProxy])
                Chare(Part, args=[self.thisProxy])

        @coro
        def hangs(self):
            Future().get()

        @coro
        def waits_for_quiet(self, times):
            for i in range(times):
                charm.waitQD()
            return times

        async def waits_async(self):
            await charm.waitQD()
            return True

        @coro
        def works_between(self, times):
            for i in range(times):
                charm.waitQD()
                self.thisProxy[(self.thisIndex + 1) % charm.numPes()].did()
            return True

        def big(self, data):
            self.count += 1
            if len(data) < 5_000_000:
                self.thisProxy[(self.thisIndex + 1) % charm.numPes()].big(data * 3)

    class Part(Chare):
        @coro
        def __init__(self, workers):
            charm.sleep(0.02)
            workers[self.index()].did()

        def index(self):
            return self.thisIndex[0] % charm.numPes()

    def main(args):
        workers = Group(Worker)
        charm.awaitCreation(workers)
        last = workers[charm.numPes() - 1]
        seen = 0

        def done_since(what, count):
            nonlocal seen
            charm.waitQD()
            total = sum(workers.total(ret=True).get())
            eq(what, total - seen, count)
            seen = total

        last.tree(9)
        done_since("messages", 2**10 - 1)
        last.timers(7)
        done_since("timers", 8)
        workers.sleeps()
        done_since("sleeping coroutines", charm.numPes())
        workers.sleeps_async()
        done_since("sleeping async methods", charm.numPes())
        last.times_out()
        done_since("a timeout", 1)
        last.in_time()
        done_since("a timeout that was not needed", 1)
        workers.remote_timer()
        done_since("timers that call elsewhere", charm.numPes())
        last.computes()
        done_since("computing", 1)
        workers.creates(Array(Part, ndims=2))
        done_since("insertions and creations", 10 * charm.numPes())
        last.big(b"x" * 1000)
        done_since("large messages", 9)
        workers.hangs()
        Array(Part, ndims=1)[5].index()  # an element that never comes to be
        done_since("what waits for ever", 0)
        got = workers.waits_for_quiet(20, ret=True)
        eq("many at once", got.get(), [20] * charm.numPes())
        eq("async", workers.waits_async(ret=True).get(), [True] * charm.numPes())
        a, b = workers[0].works_between(20, ret=True), last.works_between(20, ret=True)
        eq("two that take turns", (a.get(), b.get()), (True, True))
        done_since("theirs", 40)
        futures = [Future() for i in range(50)]
        last.tree(6)
        for f in futures:
            charm.startQD(f)
        charm.wait(futures)
        done_since("fifty at once", 2**7 - 1)
        done()

    charm.start(main)
"""


@pytest.mark.parametrize("n", [1, 2, 3, 4])
def test_all_that_is_under_way_counts(n: int) -> None:
    holds(ACTIVITY, n, timeout=60)


def test_it_is_for_coroutines() -> None:
    text = """
        class Plain(Chare):
            def waits(self):
                charm.waitQD()

        def main(args):
            raises("a plain method", "NotThreadedError", Chare(Plain).waits(ret=True).get, "Plain.waits", "@coro")
            done()

        charm.start(main)
        """
    holds(text, 1)


@pytest.mark.parametrize("n", [None, *PES])
def test_the_end_of_all_work_ends_the_job(n: int | None) -> None:
    """exit as the callback: the program ends when it has nothing left to do."""
    text = """
        class Worker(Chare):
            def tree(self, depth):
                for i in range(3 if depth else 0):
                    self.thisProxy[(self.thisIndex + i) % charm.numPes()].tree(depth - 1)
                print("." if depth == 0 else "", end="", flush=True)

        def main(args):
            Group(Worker)[0].tree(4)
            charm.startQD(charm.thisProxy[0].exit)

        charm.start(main)
        """
    result = run(text, n)
    assert result.status == 0 and result.stdout.count(".") == 81, result.said
