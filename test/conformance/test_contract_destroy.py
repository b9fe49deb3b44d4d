"""§0: a collection can be destroyed, and a single chare: everything of it goes, and who waits for it is told."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_destroy(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self, log=None):
                self.log = log
            def idx(self):
                return self.thisIndex
            @coro
            def slow(self, gate):
                return gate.get()
            def contribute_first(self, f):
                if self.thisIndex in (0, (0,)):
                    self.reduce(f, 1, Reducer.sum)
            @coro
            def agree_first(self):
                if self.thisIndex in (0, (0,)):
                    return self.allreduce(1, Reducer.sum).get()
            def kill(self):
                self.thisProxy.destroy()
            def __del__(self):
                if self.log is not None:
                    self.log(charm.myPe())

        def main(args):
            n = charm.numPes()
            def gone(what, function):
                raises(what, "Charm4PyError", function, "destroyed")
            kinds = [("group", lambda log: Group(E, args=[log]), n), ("array", lambda log: Array(E, 5, args=[log]), 5),
                     ("single", lambda log: Chare(E, args=[log], onPE=n - 1), 1)]
            for kind, make, size in kinds:
                log, gate, result = Future(size), Future(), Future()
                proxy = make(log)
                charm.awaitCreation(proxy)
                element = proxy[size - 1]
                running = element.slow(gate, ret=True)
                element.idx(ret=True).get()  # so that has begun: a broadcast goes another way, and may be there before
                if size > 1:  # these wait for the other elements
                    proxy.contribute_first(result, awaitable=True).get()
                    agreed = proxy[0].agree_first(ret=True)
                eq(kind, proxy.destroy(awaitable=True).get(), None)
                gate.send(7)
                eq("a coroutine that ran runs to its end", running.get(timeout=40), 7)
                if size > 1:
                    gone("reduction", lambda: result.get(timeout=40))
                    gone("allreduce", lambda: agreed.get(timeout=40))
                gone("a call", lambda: element.idx(ret=True).get(timeout=40))
                gone("an awaited call", lambda: proxy.idx(awaitable=True).get(timeout=40))
                gone("once more", lambda: proxy.destroy(awaitable=True).get(timeout=40))
                if kind != "single" or n == 1:  # elsewhere only the PE of a single chare knows
                    gone("a call that nobody waits for", lambda: proxy.idx())
                    gone("of an element", lambda: element.idx())
                    gone("once more", lambda: proxy.destroy())
                if kind == "array":
                    gone("insertion", lambda: proxy.ckInsert(99))
                    gone("done inserting", lambda: proxy.ckDoneInserting())
                freed = log.get(timeout=40)
                eq("objects are freed, where they were", freed if size == 1 else len(freed), n - 1 if size == 1 else size)
            raises("an element alone", TypeError, lambda: Array(E, 3)[0].destroy())
            raises("an element alone", TypeError, lambda: Group(E)[0].destroy())

            sparse = Array(E, ndims=1)
            waiting = sparse[5].idx(ret=True)
            sparse.ckInsert(1)
            sparse.ckDoneInserting()
            sparse.destroy(awaitable=True).get()
            gone("a call of an element that never came", lambda: waiting.get(timeout=40))
            early = Group(E)
            early.destroy(awaitable=True).get()  # asked before it is everywhere
            gone("destroyed at once", lambda: early[n - 1].idx(ret=True).get(timeout=40))
            for proxy in (Chare(E), Group(E)[0], Array(E, 4)[3]):
                proxy.kill(awaitable=True).get()
                while True:
                    try:
                        proxy.idx(ret=True).get(timeout=40)
                    except Exception as error:
                        check(f"from inside: {error}", is_charm_error(error) and "destroyed" in str(error))
                        break
            many = [Chare(E, onPE=i % n) for i in range(60)]
            for single in many[1::2]:
                single.destroy()
            for i, single in enumerate(many):
                if i % 2:
                    gone("one of many", lambda: single.idx(ret=True).get(timeout=40))
                else:
                    eq("one of many", single.idx(ret=True).get(timeout=40), (0,))
            done()

        charm.start(main)
        """,
        n,
    )


def test_the_main_chare_stays() -> None:
    holds(
        """
        class Main(Chare):
            def __init__(self, args):
                raises("main chare", TypeError, lambda: self.thisProxy.destroy())
                raises("the runtime", Exception, lambda: charm.thisProxy.destroy())
                done()

        charm.start(Main)
        """,
        2,
    )


@pytest.mark.parametrize("n", (1, 4))
def test_memory_comes_back(n: int) -> None:
    """10,000 collections and single chares leave nothing behind."""
    holds(
        """
        import gc, resource

        class E(Chare):
            def idx(self):
                return self.thisIndex
            def size(self):
                gc.collect()
                return int(open("/proc/self/statm").read().split()[1]) * 4096

        def main(args):
            def round(count):
                for _ in range(count):
                    g, a, s = Group(E), Array(E, 8), Chare(E)
                    g.idx(awaitable=True)
                    for proxy in (g, a, s):
                        proxy.destroy()
                for proxy in (Group(E), Array(E, 8), Chare(E)):
                    proxy.destroy(awaitable=True).get()
            meter = Group(E)
            round(500)
            before = meter.size(ret=True).get()
            for _ in range(10):
                round(300)
            after = meter.size(ret=True).get()
            check(f"no PE has grown: {before} {after}", all(b < 1.05 * a + 2**20 for a, b in zip(before, after)))
            done()

        charm.start(main)
        """,
        n,
        timeout=60,
    )
