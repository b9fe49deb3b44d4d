"""charm.pool.executor(): a concurrent.futures.Executor whose futures suspend coroutines. Contract: issue 3, pool."""

from __future__ import annotations

import pytest
from harness import holds

ALL = (None, 1, 2, 3, 4)

TASKS = """
        import concurrent.futures as cf
        def add(a, b=0, *more, c=0):
            return a + b + sum(more) + c
        def bad(x):
            raise KeyError(x)
        def slow(x):
            time.sleep(x)
            return x
        @coro
        def nested(n):
            with charm.pool.executor() as ex:
                return sum(ex.map(add, range(n)))
        @coro
        def pause(x):
            charm.sleep(x)
            return x
        @coro
        def held(gate):
            return gate.get()
        def waits(x):
            Future().get()
        async def later(x):
            await charm.sleep(0.01)
            return x
"""


@pytest.mark.parametrize("n", ALL)
def test_executor(n: int | None) -> None:
    holds(
        TASKS
        + """
        class E(Chare):
            async def in_async(self):
                async with charm.pool.executor() as ex:
                    one = ex.submit(add, 1, 2)
                    got = [await one, await ex.submit(later, 5), await one]
                    last = ex.submit(later, 7)
                check("drained", last.done())
                return got + [last.result()]
            def plain(self, wait):
                ex = charm.pool.executor()
                future = ex.submit(add, 1)
                try:
                    return future.result()
                except Exception as error:
                    return type(error).__name__

        def main(args):
            with charm.pool.executor() as ex:
                check("an Executor", isinstance(ex, cf.Executor))
                f = ex.submit(add, 1, 2, 3, c=10)
                check("a Future", isinstance(f, cf.Future))
                eq("result", f.result(), 16)
                eq("again", (f.result(), f.result(timeout=0), f.done(), f.exception()), (16, 16, True, None))
                f = ex.submit(bad, 5)
                error = raises("error", KeyError, f.result, "5")
                check("with its trace", "in bad" in error.remote_stacktrace[1])
                check("as exception()", f.exception() is not None and type(f.exception()) is KeyError)
                eq("map", list(ex.map(add, range(20), range(20))), [2 * i for i in range(20)])
                eq("map in chunks", list(ex.map(add, range(20), range(21), chunksize=3)), [2 * i for i in range(20)])
                for size in (1, 3):
                    eq("coroutines", list(ex.map(pause, [0.001, 0.002, 0.003, 0.001], chunksize=size)),
                       [0.001, 0.002, 0.003, 0.001])
                    eq("async def", list(ex.map(later, range(5), chunksize=size)), [0, 1, 2, 3, 4])
                    eq("that use the pool", list(ex.map(nested, range(5), chunksize=size)), [0, 0, 1, 3, 6])
                    raises("what is none may not wait", "NotThreadedError",
                           lambda: list(ex.map(waits, range(5), chunksize=size)), "@coro")
                raises("map fails where it is read", KeyError, lambda: list(ex.map(bad, [1])))
                seen = []
                f = ex.submit(add, 4)
                f.add_done_callback(lambda done: seen.append(done.result()))
                f.result()
                eq("callback", seen, [4])
                f.add_done_callback(lambda done: seen.append("late"))
                eq("late callback", seen, [4, "late"])
                fs = [ex.submit(add, i) for i in range(10)]
                done_, not_done = cf.wait(fs)
                eq("wait for all", (len(done_), len(not_done)), (10, 0))
                fs = [ex.submit(slow, s) for s in (0.3, 0.01)]
                done_, not_done = cf.wait(fs, return_when=cf.FIRST_COMPLETED)
                check("wait for one", len(done_) >= 1)
                eq("as completed", sorted(f.result() for f in cf.as_completed(fs + [ex.submit(add, 9)])), [0.01, 0.3, 9])
                f = ex.submit(later, 3)
                eq("a coroutine", f.result(), 3)
                eq("nested", ex.submit(nested, 10).result(), 45)
                refused("no function", lambda: ex.submit(5), "must be callable")
                refused("chunksize", lambda: ex.map(add, [1], chunksize=0), "chunksize")
                refused("unpicklable", lambda: ex.submit(add, (i for i in ())).result(), "generator")
            raises("after shutdown", RuntimeError, lambda: ex.submit(add, 1), "after shutdown")
            refused("max_workers", lambda: charm.pool.executor(0), "max_workers")

            ex = charm.pool.executor(max_workers=1)
            gate = Future()
            first, *others = [ex.submit(held, gate) for _ in range(5)]
            check("running", not first.cancel() and first.running())
            check("cancel", others[0].cancel() and others[0].cancel() and others[0].cancelled())
            raises("cancelled", cf.CancelledError, others[0].result)
            eq("wait sees it", len(cf.wait(others[:1]).done), 1)
            raises("in time", cf.TimeoutError, lambda: first.result(timeout=0.001))
            raises("at once", cf.TimeoutError, lambda: others[1].exception(timeout=0))
            raises("wait in time", cf.TimeoutError, lambda: list(cf.as_completed(others[1:], timeout=0.001)))
            charm.scheduleCallableAfter(gate, 0.05, ["opened"])
            ex.shutdown(cancel_futures=True)
            eq("shutdown waits, and cancels", [first.result()] + [f.cancelled() for f in others], ["opened"] + [True] * 4)
            ex.shutdown()

            ex = charm.pool.executor()
            import threading
            fs = [ex.submit(pause, 0.05) for _ in range(charm.numPes())]
            fs += [ex.submit(abs, threading.Lock()) for _ in range(2000)]
            check("thousands that cannot be sent", all(type(f.exception()) is TypeError for f in fs[charm.numPes():]))

            ex = charm.pool.executor(max_workers=1)
            more = []
            first, second = ex.submit(pause, 0.01), ex.submit(pause, 0.02)
            first.add_done_callback(lambda done: second.cancel())
            second.add_done_callback(lambda done: more.append(ex.submit(pause, 0.03)))
            eq("cancelled in a callback", [first.result(), second.cancelled()], [0.01, True])
            eq("and what its callback submits", [f.result() for f in more], [0.03])
            ex.shutdown()

            ex = charm.pool.executor()
            f = ex.submit(pause, 0.05)
            ex.shutdown(wait=False)
            eq("ends by itself", f.result(), 0.05)
            last = charm.numPes() - 1
            c = Group(E)
            for pe in {0, last}:
                eq("async def", c[pe].in_async(ret=True).get(), [3, 5, 3, 7])
                eq("plain", c[pe].plain(True, ret=True).get(), "NotThreadedError")
            done()

        charm.start(main)
        """,
        n,
    )
