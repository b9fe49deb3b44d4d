"""Futures and coroutines: waiting anywhere, from anywhere, in greenlets and in async methods."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_futures(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def send(self, f, *values):
                for value in values or (None,):
                    f.send(value)
            def call(self, f, *value):
                f(*value)
            def nested(self, data):
                data["deep"][0][1].send(self.thisIndex)
            def own(self, f, f2):
                return f == f2
            def back(self, f):
                return f
            @coro
            def hold(self, f):
                return f.get(), f.ready(), f.get()
            async def hold_async(self, f):
                return await f, f.ready(), await f

        def main(args):
            last = charm.numPes() - 1
            group = Group(E)
            for pe in {0, last}:
                e = group[pe]
                f = Future()
                check("not ready", f.ready() is False)
                e.send(f, 41)
                eq("value", f.get(), 41)
                check("ready", f.ready() is True)
                eq("again", (f.get(), f.get()), (41, 41))
                f = Future()
                e.send(f)
                eq("nothing sent", f.get(), None)
                for value in (None, 0, False, [], "x", {"a": (1,)}, np.arange(5), 2**100):
                    f = Future()
                    e.call(f, value)
                    eq("called", f.get(), value)
                f = Future()
                e.call(f)
                eq("called with nothing", f.get(), None)
                f = Future(4)
                for k in range(3):
                    check("not all", not f.ready())
                    e.send(f, k, awaitable=True).get()
                group[0].send(f, "last", awaitable=True).get()
                check("all", f.ready())
                eq("in order of arrival", f.get(), [0, 1, 2, "last"])
                eq("again", f.get(), [0, 1, 2, "last"])
                f = Future(num_vals=3)
                e.send(f, 5, 6, 7)
                eq("in order of sending", f.get(), [5, 6, 7])
                f, g = Future(), charm.Future()
                e.nested({"deep": [(g, f)]})
                eq("inside of data", f.get(), pe)
                e.nested({"deep": [(f, g)]})
                eq("the other one", g.get(), pe)
                f = Future()
                check("comes back the same", e.back(f, ret=True).get() == f)
                check("the same and another", e.own(f, f, ret=True).get() and not e.own(f, Future(), ret=True).get())
                for name in ("hold", "hold_async"):
                    f = Future()
                    waiters = [getattr(group[p], name)(f, ret=True) for p in range(charm.numPes()) for _ in range(5)]
                    waiters += [getattr(e, name)(f, ret=True)]
                    check("all wait", not any(w.ready() for w in waiters))
                    group[0].send(f, ["value"])
                    for w in waiters:
                        eq("waited elsewhere", w.get(), (["value"], True, ["value"]))
                    eq("and here", f.get(), ["value"])
                    eq("later", getattr(e, name)(f, ret=True).get(), (["value"], True, ["value"]))
            f = Future(2 * charm.numPes())
            group.send(f, "one", "two")
            eq("broadcast", sorted(f.get()), ["one"] * charm.numPes() + ["two"] * charm.numPes())
            f = Future()
            f.send(5)
            eq("own value", f.get(), 5)
            futures = [Future() for _ in range(3000)]
            for k, f in enumerate(futures):
                group[k % charm.numPes()].send(f, k)
            eq("3000 of them", [f.get() for f in futures], list(range(3000)))
            for wrong in (0, -1, "x", 1.5):
                refused("number of values", lambda: Future(wrong))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_futures_that_fail(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def send(self, f, *values):
                for value in values:
                    f.send(value)
            @coro
            def hold(self, f):
                try:
                    return f.get()
                except ValueError as error:
                    return "caught " + str(error)
            async def hold_async(self, f):
                try:
                    return await f
                except ValueError as error:
                    return "caught " + str(error)

        def main(args):
            last = charm.numPes() - 1
            e = Group(E)[last]
            f = Future()
            e.send(f, ValueError("as a value"))
            raises("raised", ValueError, f.get, "as a value")
            raises("raised again", ValueError, f.get, "as a value")
            f = Future(3)
            e.send(f, 1, ValueError("second"), 3)
            raises("one of several", ValueError, f.get, "second")
            check("after all have come", f.ready())
            for name in ("hold", "hold_async"):
                f = Future()
                waiter = getattr(e, name)(f, ret=True)
                f.send(ValueError("here"))
                eq("raised elsewhere", waiter.get(), "caught here")
            f = Future()
            raises("time is up", TimeoutError, lambda: f.get(timeout=0.01))
            e.send(f, "late but welcome")
            eq("still good", f.get(timeout=40), "late but welcome")
            eq("ready", f.get(timeout=0), "late but welcome")
            raises("one value too many", "Charm4PyError", lambda: f.send(2))
            eq("unharmed", f.get(), "late but welcome")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_cancel(n: int | None) -> None:
    """Whoever waits is woken, with an exception; a value that comes later harms nobody."""
    holds(
        """
        class E(Chare):
            @coro
            def hold(self, f):
                try:
                    f.get()
                    return "a value"
                except BaseException as error:
                    return "woken"
            async def hold_async(self, f):
                try:
                    await f
                    return "a value"
                except BaseException as error:
                    return "woken"

        def main(args):
            for name in ("hold", "hold_async"):
                for pe in (0, charm.numPes() - 1):
                    f = Future()
                    waiter = getattr(Chare(E, onPE=pe), name)(f, ret=True)
                    check("waits", not waiter.ready())
                    f.cancel()
                    eq("woken", waiter.get(), "woken")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_coroutines_behind_other_callables(n: int | None) -> None:
    """A partial object, and an object that can be called, are coroutines if what runs is one: as callbacks, in the pool."""
    holds(
        """
        import functools

        class Box(Chare):
            @coro
            def greenlet(self, x, future):
                charm.sleep(0)
                future.send(x)
            async def async_(self, x, future):
                await charm.sleep(0)
                future.send(x)
            def start(self, future):
                for i, method in enumerate((self.greenlet, self.async_)):
                    charm.scheduleCallableAfter(functools.partial(method, i), 0, [future])
                    nested = functools.partial(method, i)
                    nested.attribute = "so it stays nested"
                    charm.scheduleCallableAfter(functools.partial(nested, future), 0)

        class Doubles:
            @coro
            def __call__(self, x):
                charm.sleep(0)
                return 2 * x

        class AsyncDoubles:
            async def __call__(self, x):
                await charm.sleep(0)
                return 2 * x

        @coro
        def add(x, y):
            charm.sleep(0)
            return x + y

        async def async_add(x, y):
            await charm.sleep(0)
            return x + y

        def main(args):
            future = Future(4)
            Chare(Box, onPE=charm.numPes() - 1).start(future)
            eq("callbacks", sorted(future.get()), [0, 0, 1, 1])
            for function in (functools.partial(add, 1), functools.partial(async_add, 1)):
                eq("the pool", charm.pool.map(function, range(3)), [1, 2, 3])
            for function in (Doubles(), AsyncDoubles(), functools.partial(Doubles())):
                eq("the pool", charm.pool.map(function, range(3)), [0, 2, 4])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_what_only_coroutines_may(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def make(self):
                return Future()
            def hold(self, f):
                return f.get()
            def agree(self):
                return self.allreduce().get()
            def by_call(self, other):
                return other.nothing(ret=True).get()
            def nothing(self):
                return 5
            @coro
            def good(self, other):
                return other.nothing(ret=True).get()

        def main(args):
            last = charm.numPes() - 1
            e = Group(E)[last]
            for name, arguments in (("make", ()), ("hold", (Future(),)), ("agree", ()), ("by_call", (e,))):
                raises(name, "NotThreadedError", getattr(e, name)(*arguments, ret=True).get, f"E.{name}", "@coro")
            eq("a coroutine may", e.good(e, ret=True).get(), 5)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_interleaving(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self):
                self.log, self.gates = [], {}
            @coro
            def run(self, name, gates):
                for k, gate in enumerate(gates):
                    self.log.append((name, k))
                    gate.get()
                self.log.append((name, "end"))
                return name
            async def run_async(self, name, gates):
                for k, gate in enumerate(gates):
                    self.log.append((name, k))
                    await gate
                self.log.append((name, "end"))
                return name
            def look(self):
                log, self.log = self.log, []
                return log
            @coro
            def never_waits(self, x):
                return x
            @coro
            def deep(self, level, gate):
                return self.down(level, gate)
            def down(self, level, gate):
                local = [level]
                value = gate.get() if level == 0 else self.down(level - 1, gate)
                assert local == [level]
                return value + 1
            async def deep_async(self, level, gate):
                return (await gate if level == 0 else await self.deep_async(level - 1, gate)) + 1
            @coro
            def in_generator(self, gates):
                return sum(value for value in (gate.get() for gate in gates))
            @coro
            def in_handler(self, gate, other):
                try:
                    raise KeyError("outer")
                except KeyError:
                    value = gate.get()
                    assert str(sys.exc_info()[1]) == "'outer'"
                    try:
                        other.get()
                    finally:
                        assert str(sys.exc_info()[1]) == "'outer'"
                assert sys.exc_info() == (None, None, None)
                return value
            @coro
            def in_context(self, gate):
                with open(os.devnull) as f:
                    gate.get()
                    closed = f.closed
                return closed, f.closed
            @coro
            def sort(self, gate, items):
                return sorted(items, key=lambda x: -x if gate.get() else x)

        def main(args):
            last = charm.numPes() - 1
            e = Chare(E, onPE=last)
            for name in ("run", "run_async"):
                g1, g2 = [Future(), Future()], [Future(), Future()]
                run = getattr(e, name)
                first, second = run("a", g1, ret=True), run("b", g2, ret=True)
                log = e.look(ret=True).get()
                eq("both run up to their gates", sorted(log), [("a", 0), ("b", 0)])
                steps = [(g2[0], ("b", 1)), (g1[0], ("a", 1)), (g1[1], ("a", "end")), (g2[1], ("b", "end"))]
                for gate, step in steps:
                    gate.send()
                    while not (log := e.look(ret=True).get()):
                        pass
                    eq("one step", log, [step])
                eq("results", (first.get(), second.get()), ("a", "b"))
            eq("without waiting", e.never_waits(5, ret=True).get(), 5)
            for name in ("deep", "deep_async"):
                gates = [Future() for _ in range(20)]
                results = [getattr(e, name)(40 + k, gate, ret=True) for k, gate in enumerate(gates)]
                for k in reversed(range(20)):
                    gates[k].send(1000 * k)
                eq("many levels deep", [r.get() for r in results], [1000 * k + 41 + k for k in range(20)])
            gates = [Future() for _ in range(3)]
            result = e.in_generator(gates, ret=True)
            for gate in reversed(gates):
                gate.send(7)
            eq("inside of a generator", result.get(), 21)
            gates = [Future() for _ in range(6)]
            results = [e.in_handler(gates[2 * k], gates[2 * k + 1], ret=True) for k in range(3)]
            for k in (1, 5, 0, 2, 3, 4):
                gates[k].send(k)
            eq("inside of an exception's handler", [r.get() for r in results], [0, 2, 4])
            gate = Future()
            result = e.in_context(gate, ret=True)
            gate.send()
            eq("inside of with", result.get(), (False, True))
            gate = Future()
            result = e.sort(gate, [3, 1, 2], ret=True)
            gate.send(True)
            eq("inside of sorted, which is C", result.get(), [3, 2, 1])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_ten_thousand_coroutines(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self):
                self.gates, self.ended = [], 0
            @coro
            def hold(self, k, count):
                gate = Future()
                self.gates.append(gate)
                assert gate.get() == "go"
                self.ended += 1
                count.send(k)
            async def hold_async(self, k, count):
                gate = Future()
                self.gates.append(gate)
                assert await gate == "go"
                self.ended += 1
                count.send(k)
            def held(self):
                return len(self.gates), self.ended
            def release(self):
                gates, self.gates = self.gates, []
                for gate in reversed(gates):
                    gate.send("go")

        def main(args):
            e, many = Chare(E, onPE=charm.numPes() - 1), 5000
            count = Future(2 * many)
            for k in range(many):
                e.hold(k, count)
                e.hold_async(k, count)
            while e.held(ret=True).get() != (2 * many, 0):
                pass
            check("none has ended", not count.ready())
            e.release()
            eq("all have ended", sorted(count.get()), sorted(list(range(many)) * 2))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_coroutines_of_all_kinds_wait_for_each_other(n: int | None) -> None:
    holds(
        """
        class Fib(Chare):
            @coro
            def fib(self, k):
                if k < 2:
                    return k
                a = self.other().fib_async(k - 1, ret=True)
                b = self.other().fib_async(k - 2, ret=True)
                return a.get() + b.get()
            async def fib_async(self, k):
                if k < 2:
                    return k
                a, b = self.other().fib(k - 1, ret=True), self.other().fib(k - 2, ret=True)
                return await b + await a
            def other(self):
                return self.thisProxy[(self.thisIndex + 1) % charm.numPes()]

        def main(args):
            group = Group(Fib)
            eq("fib", group[0].fib(13, ret=True).get(), 233)
            eq("fib on all", group.fib_async(9, ret=True).get(), [34] * charm.numPes())
            done()

        charm.start(main)
        """,
        n,
    )
