"""§3.4: charm.wait() and charm.iwait(), from @coro and from async def; awaitCreation() in both."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_iwait(n: int | None) -> None:
    """§3.4 iwait: ready ones first, in list order, then by arrival; once each; the body may suspend (§0 iwait)."""
    holds(
        """
        class E(Chare):
            @coro
            def send(self, *pairs):
                for f, value in pairs:
                    f.send(value)
                    charm.sleep(0.002)
            @coro
            def order(self, fs, nap):
                got = []
                for f in charm.iwait(fs):
                    got.append(fs.index(f))
                    if nap: charm.sleep(0.003)
                return got
            async def order_async(self, fs, nap):
                got = []
                async for f in charm.iwait(fs):
                    got.append(fs.index(f))
                    if nap: await charm.sleep(0.003)
                return got
            @coro
            def early(self, fs):
                for f in charm.iwait(fs):
                    return fs.index(f)
            async def early_async(self, fs):
                async for f in charm.iwait(fs):
                    return fs.index(f)
            @coro
            def nested(self, fs, gs):
                return [(fs.index(f), [gs.index(g) for g in charm.iwait(gs)]) for f in charm.iwait(fs)]
            async def nested_async(self, fs, gs):
                return [(fs.index(f), [gs.index(g) async for g in charm.iwait(gs)]) async for f in charm.iwait(fs)]
            def plain(self, f, g):
                seen = [x == f for x in charm.iwait([f])]
                charm.wait([f])
                for wait in (lambda: charm.wait([f, g]), lambda: [x for x in charm.iwait([g])]):
                    try:
                        wait()
                    except Exception as error:
                        seen.append(type(error).__name__)
                return seen

        def main(args):
            group = Group(E)
            last = charm.numPes() - 1
            for pe in {0, last}:
                e, sender = group[pe], group[last]
                for name in ("order", "order_async"):
                    for nap in (False, True):
                        fs = [Future() for _ in range(8)]
                        fs[6].send("first"); fs[2].send("second")
                        for f in (fs[6], fs[2]): f.get()
                        got = getattr(e, name)(fs, nap, ret=True)
                        charm.sleep(0.01)
                        sender.send(*[(fs[k], k) for k in (7, 1, 0, 5, 3, 4)])
                        got = got.get()
                        ready = got[:2] if pe == 0 else sorted(got[:2])
                        eq(f"{name}, {nap}", (ready, got[2:]), ([2, 6], [7, 1, 0, 5, 3, 4]))
                for name in ("early", "early_async"):
                    fs = [Future() for _ in range(5)]
                    got = getattr(e, name)(fs, ret=True)
                    fs[3].send(0)
                    eq(name, got.get(), 3)
                    for f in fs[:3]: f.send(1)
                    eq("the others are as they were", [f.get() for f in fs[:4]], [1, 1, 1, 0])
                for name in ("nested", "nested_async"):
                    fs, gs = [Future() for _ in range(2)], [Future() for _ in range(2)]
                    got = getattr(e, name)(fs, gs, ret=True)
                    charm.sleep(0.01)
                    sender.send((fs[1], 0), (gs[1], 0), (gs[0], 0), (fs[0], 0))
                    inner = got.get()
                    eq(name, (inner[0], inner[1][0], sorted(inner[1][1])), ((1, [1, 0]), 0, [0, 1]))
                f = Future()
                f.send(1)
                eq("from a plain method", group[0].plain(f, Future(), ret=True).get(),
                   [True, "NotThreadedError", "NotThreadedError"])
            f, g = Future(), Future()
            f.send(1); g.send(2)
            eq("the same one twice", [x.get() for x in charm.iwait([f, g, f])], [1, 2])
            eq("none", list(charm.iwait([])), [])
            eq("a tuple, a set, a dict", [len(list(charm.iwait(c))) for c in ((f, g), {f, g}, {f: 1, g: 2})], [2, 2, 2])
            it = charm.iwait([f, g])
            eq("is an iterator", (iter(it) is it, next(it) == f, next(it) == g, next(it, None)), (True, True, True, None))
            bad, ok = Future(), Future()
            bad.send(ValueError("x")); ok.send(1)
            eq("errors are ready too", [x == bad for x in charm.iwait([bad, ok])], [True, False])
            raises("and raised by get", ValueError, bad.get)
            for wrong, words in ((iter([f]), "len()"), ((x for x in [f]), "len()"), (5, "len()"), (None, "len()"),
                                 ([f, 5], "int"), (["x"], "str"), ([group], "Proxy")):
                raises("iwait", TypeError, lambda: charm.iwait(wrong), "iwait()", words)
                raises("wait", TypeError, lambda: charm.wait(wrong), "wait()", words)
            for _ in range(200):
                fs = [Future() for _ in range(50)]
                fs[7].send(0)
                for f in charm.iwait(fs): break
                for f in fs[:7]: f.send(0)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_wait(n: int | None) -> None:
    """§3.4 wait, awaitCreation: None when all are ready; from async def with await; with a time limit."""
    holds(
        """
        import time, warnings

        class Slow(Chare):
            @coro
            def __init__(self, gate): gate.get()

        class E(Chare):
            def send(self, fs, value=None):
                for f in fs: f.send(value)
            @coro
            def all(self, fs): return charm.wait(fs), [f.ready() for f in fs]
            async def all_async(self, fs): return await charm.wait(fs), [f.ready() for f in fs]
            @coro
            def limit(self, fs, limit):
                try: return charm.wait(fs, timeout=limit)
                except TimeoutError as error: return str(error)
            async def limit_async(self, fs, limit):
                try: return await charm.wait(fs, timeout=limit)
                except TimeoutError as error: return str(error)
            @coro
            def create(self, gate):
                many = [Chare(Slow, args=[gate]), Group(Slow, args=[gate]), Array(Slow, 5, args=[gate])]
                return charm.awaitCreation(*many)
            async def create_async(self, gate):
                many = [Chare(Slow, args=[gate]), Group(Slow, args=[gate]), Array(Slow, 5, args=[gate])]
                return await charm.awaitCreation(*many)
            async def forgets(self, f):
                with warnings.catch_warnings(record=True) as seen:
                    warnings.simplefilter("always")
                    charm.wait([f])
                    charm.awaitCreation(Chare(E))
                return [str(w.message).split()[0] for w in seen]
            async def not_awaited(self, f):
                f.get()

        def main(args):
            group = Group(E)
            charm.awaitCreation(group)
            last = charm.numPes() - 1
            for pe in {0, last}:
                e = group[pe]
                for kind in ("", "_async"):
                    fs = [Future() for _ in range(20)] + [Future(3)]
                    f = getattr(e, "all" + kind)(fs, ret=True)
                    g = getattr(e, "all" + kind)(fs + fs, ret=True)
                    group[last].send(fs + fs[20:], awaitable=True).get()
                    check("one value is missing", not f.ready())
                    group[0].send(fs[20:])
                    eq("all", f.get(), (None, [True] * 21))
                    eq("twice in the list", g.get(), (None, [True] * 42))
                    eq("none", getattr(e, "all" + kind)([], ret=True).get(), (None, []))
                    f = getattr(e, "limit" + kind)([fs[0], Future(), Future()], 0.01, ret=True)
                    eq("limit", f.get(), "2 of 3 were not ready in time")
                    eq("in time", getattr(e, "limit" + kind)(fs, 60, ret=True).get(), None)
                    eq("no time", getattr(e, "limit" + kind)([Future()], 0, ret=True).get(), "1 of 1 were not ready in time")
                    gate = Future()
                    f = getattr(e, "create" + kind)(gate, ret=True)
                    e.send([], awaitable=True).get()
                    check("constructors wait", not f.ready())
                    gate.send()
                    eq("created", f.get(), None)
                eq("without await", e.forgets(Future(), ret=True).get(), ["charm.wait()", "charm.awaitCreation()"])
                raises("get() in async def", "NotThreadedError", e.not_awaited(Future(), ret=True).get, "await")
            refused("negative limit", lambda: charm.wait([], timeout=-1), "timeout")
            refused("limit", lambda: charm.wait([], timeout="x"))
            done()

        charm.start(main)
        """,
        n,
    )
