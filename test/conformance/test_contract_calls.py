"""Remote calls: how arguments are bound, ret and awaitable, exceptions to the caller and those that nobody receives."""

from __future__ import annotations

import re

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_arguments_are_bound_like_pythons(n: int | None) -> None:
    holds(
        """
        import functools

        DEFAULT = [1, 2]

        class E(Chare):
            def plain(self, a, b, c=3, d=None):
                return a, b, c, d
            def nothing(self):
                return "nothing"
            def varargs(self, a, *args):
                return a, args
            def kwonly(self, a, *, k, m=5):
                return a, k, m
            def kwargs(self, a=1, **named):
                return a, named
            def all(self, a, /, b, c=3, *args, k, m=5, **named):
                return a, b, c, args, k, m, named
            def default_object(self, x=DEFAULT):
                return x
            @coro
            def coroutine(self, a, b=2, *, k=3):
                return a, b, k
            async def async_(self, a, b=2, *, k=3):
                return a, b, k
            @staticmethod
            def static(x):
                return x
            @classmethod
            def klass(cls, x=1):
                return cls.__name__, x
            part = functools.partialmethod(plain, 1, c=7)
            static_part = functools.partial(lambda *args: args, 1)
            @coro
            @staticmethod
            def waits(future):
                return future.get()

        class F(E):
            def nothing(self):
                return "derived, " + super().nothing()

        def main(args):
            last = charm.numPes() - 1
            def call(method, *args, **named):
                return method(*args, ret=True, **named).get()
            for p in (Chare(E, onPE=last), Chare(E, onPE=0)):
                eq("positional", call(p.plain, 1, 2), (1, 2, 3, None))
                eq("positional", call(p.plain, 1, 2, 4, 5), (1, 2, 4, 5))
                eq("named in any order", call(p.plain, d=4, b=2, a=1), (1, 2, 3, 4))
                eq("mixed", call(p.plain, 1, d=4, b=2), (1, 2, 3, 4))
                eq("named from a dict", call(p.plain, **{"b": "x", "a": "y"}), ("y", "x", 3, None))
                eq("none", call(p.nothing), "nothing")
                eq("varargs", call(p.varargs, 1, 2, 3), (1, (2, 3)))
                eq("varargs empty", call(p.varargs, a=1), (1, ()))
                eq("300 arguments", call(p.varargs, *range(300)), (0, tuple(range(1, 300))))
                eq("keyword-only", call(p.kwonly, 1, k=2), (1, 2, 5))
                eq("keyword-only", call(p.kwonly, m=6, k=2, a=1), (1, 2, 6))
                eq("kwargs", call(p.kwargs, x=1, y=[2]), (1, {"x": 1, "y": [2]}))
                eq("kwargs", call(p.kwargs, 2, **{"not a name": 3, "self": 1} if False else {"not a name": 3}),
                   (2, {"not a name": 3}))
                eq("all kinds", call(p.all, 1, 2, k=4), (1, 2, 3, (), 4, 5, {}))
                eq("all kinds", call(p.all, 1, 2, 4, 5, 6, z=7, k=8, m=9), (1, 2, 4, (5, 6), 8, 9, {"z": 7}))
                eq("all kinds", call(p.all, 1, k=8, b=2, a=10), (1, 2, 3, (), 8, 5, {"a": 10}))
                eq("default", call(p.default_object), [1, 2])
                eq("coroutine", call(p.coroutine, 1, k=4), (1, 2, 4))
                eq("async", call(p.async_, b=5, a=1), (1, 5, 3))
                eq("static", call(p.static, 5), 5)
                eq("class method", call(p.klass), ("E", 1))
                eq("partial method", call(p.part, 2), (1, 2, 7, None))
                eq("partial object", call(p.static_part, 2), (1, 2))
                future = Future()
                waiting = p.waits(future, ret=True)
                future.send(6)
                eq("static coroutine", waiting.get(), 6)
                eq("truthy ret", p.nothing(ret=1).get(), "nothing")
                eq("None without ret", (p.nothing(), p.nothing(ret=False), p.nothing(awaitable=0)), (None, None, None))
            eq("inherited", call(Chare(F, onPE=last).plain, 1, b=2), (1, 2, 3, None))
            eq("overridden", call(Chare(F, onPE=last).nothing), "derived, nothing")

            p, g = Chare(E, onPE=last), Group(E)
            for e in (p, g, g[last]):
                raises("missing", TypeError, lambda: e.plain(1), "plain", "b")
                raises("missing, with ret", TypeError, lambda: e.plain(b=2, ret=True), "plain", "a")
                raises("unknown", TypeError, lambda: e.plain(1, 2, bee=3), "plain", "bee")
                raises("unknown", TypeError, lambda: e.nothing(x=3), "nothing", "x")
                raises("too many", TypeError, lambda: e.plain(1, 2, 3, 4, 5), "plain")
                raises("too many for none", TypeError, lambda: e.nothing(1, awaitable=True), "nothing")
                raises("twice", TypeError, lambda: e.plain(1, 2, a=3), "plain", "a")
                raises("keyword-only missing", TypeError, lambda: e.kwonly(1), "kwonly", "k")
                raises("keyword-only as positional", TypeError, lambda: e.kwonly(1, 2), "kwonly")
                raises("positional-only by name", TypeError, lambda: e.all(a=1, b=2, k=3), "all", "a")
                raises("varargs missing", TypeError, lambda: e.varargs(), "varargs", "a")
                raises("coroutine", TypeError, lambda: e.coroutine(), "coroutine", "a")
                raises("async", TypeError, lambda: e.async_(1, 2, 3), "async_")
            eq("still well", call(g.plain, 1, 2), [(1, 2, 3, None)] * charm.numPes())
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_a_default_in_a_gap_is_the_methods_own_object(n: int | None) -> None:
    """What a call leaves out is filled in as in a local call: nothing of it is sent."""
    holds(
        """
        import threading
        from chariot import when

        MISSING, LOCK = object(), threading.Lock()

        class E(Chare):
            def first(self, a=MISSING, b=0, *, c=MISSING):
                return a is MISSING, b, c is MISSING
            def between(self, a, b=LOCK, c=MISSING, d=4):
                return a, b is LOCK, c is MISSING, d
            def counted(self, seen=[], more=None):
                seen.append(more)
                return len(seen)
            @when("a is MISSING and b > 0")
            def later(self, a=MISSING, b=0):
                return a is MISSING, b
            @coro
            def coroutine(self, a=MISSING, b=0, *rest, **named):
                return a is MISSING, b, rest, named

        def main(args):
            last = charm.numPes() - 1
            for p in (Chare(E, onPE=last), Chare(E, onPE=0)):
                eq("first", p.first(b=1, ret=True).get(), (True, 1, True))
                eq("between", p.between(1, d=5, ret=True).get(), (1, True, True, 5))
                eq("by name alone", p.between(d=6, a=2, ret=True).get(), (2, True, True, 6))
                eq("given", p.between(1, 2, 3, ret=True).get(), (1, False, False, 4))
                eq("mutable", [p.counted(more=i, ret=True).get() > i for i in range(3)], [True] * 3)
                eq("a condition", p.later(b=2, ret=True).get(), (True, 2))
                eq("coroutine", p.coroutine(b=1, z=2, ret=True).get(), (True, 1, (), {"z": 2}))
            group = Group(E)
            eq("broadcast", group.first(b=3, ret=True).get(), [(True, 3, True)] * charm.numPes())
            eq("section", group[0:charm.numPes()].first(b=4, ret=True).get(), [(True, 4, True)] * charm.numPes())
            raises("missing", TypeError, lambda: group.between(c=1), "'a'")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_ret_and_awaitable(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self):
                self.count = 0
            def value(self, x):
                return x, self.thisIndex
            def none(self):
                self.count += 1
            @coro
            def coroutine(self, x):
                self.thisProxy[self.thisIndex].none(awaitable=True).get()
                return x, self.thisIndex
            async def async_(self, x):
                await self.thisProxy[self.thisIndex].none(awaitable=True)
                return x, self.thisIndex
            @coro
            def hold(self, gate):
                gate.get()
                self.count += 100
            async def async_hold(self, gate):
                await gate
                self.count += 100
            def counted(self):
                count, self.count = self.count, 0
                return count
            def future(self):
                return self.thisProxy

        def main(args):
            pes = list(range(charm.numPes()))
            group, array, plane = Group(E), Array(E, 13), Array(E, (3, 4))
            indices = [(group, pes), (array, [(i,) for i in range(13)]), (plane, list(np.ndindex(3, 4)))]
            for proxy, all_of_it in indices:
                for name in ("value", "coroutine", "async_"):
                    method = getattr(proxy, name)
                    eq(f"ret of all, {name}", method("v", ret=True).get(), [("v", i) for i in all_of_it])
                    eq(f"awaited, {name}", method("v", awaitable=True).get(), None)
                    eq(f"ret wins, {name}", method("v", ret=True, awaitable=True).get(), [("v", i) for i in all_of_it])
                    check(f"nothing, {name}", method("v") is None)
                    for i in (all_of_it[0], all_of_it[-1]):
                        method = getattr(proxy[i], name)
                        eq(f"ret of one, {name}", method(x="v", ret=True).get(), ("v", i))
                        method("v", awaitable=True).get()
                        eq(f"ret wins, {name}", method("v", awaitable=True, ret=True).get(), ("v", i))
                eq("no value", proxy.none(ret=True).get(), [None] * len(all_of_it))
                eq("no value of one", proxy[all_of_it[-1]].none(ret=True).get(), None)
                proxy.counted(awaitable=True).get()
                for name in ("hold", "async_hold"):
                    gate = Future()
                    held = getattr(proxy, name)(gate, awaitable=True)
                    one = getattr(proxy[all_of_it[-1]], name)(gate, awaitable=True)
                    eq("others run meanwhile", proxy.counted(ret=True).get(), [0] * len(all_of_it))
                    check("not ended yet", not held.ready() and not one.ready())
                    gate.send()
                    eq("ended", held.get(), None)
                    one.get()
                    eq("every one", proxy.counted(ret=True).get(), [100] * (len(all_of_it) - 1) + [200])
                eq("a proxy as result", proxy.future(ret=True).get(), [proxy] * len(all_of_it))
            many = [array.value(k, ret=True) for k in range(300)]
            for k in reversed(range(300)):
                eq("many at once", many[k].get()[12], (k, (12,)))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_exceptions_go_to_the_caller(n: int | None) -> None:
    holds(
        """
        class Custom(Exception):
            def __init__(self, code, text):
                super().__init__(f"{code}: {text}")
                self.code = code

        class Simple(ValueError):
            pass

        class Unpicklable(Exception):
            def __init__(self):
                super().__init__("holds a lock")
                import threading
                self.lock = threading.Lock()

        class E(Chare):
            def fail(self, kind, *args):
                self.deeper(kind, args)
            def deeper(self, kind, args):
                raise kind(*args)
            @coro
            def fail_later(self, kind, *args):
                self.thisProxy.nothing(awaitable=True).get()
                raise kind(*args)
            async def fail_async(self, kind, *args):
                await self.thisProxy.nothing(awaitable=True)
                raise kind(*args)
            def fail_some(self, which):
                if self.thisIndex in which:
                    raise KeyError(self.thisIndex)
                return self.thisIndex
            def nothing(self):
                pass
            @coro
            def relay(self, other):
                return other.fail(Simple, "relayed", ret=True).get()
            async def catch(self, other):
                try:
                    await other.fail(Simple, "caught", ret=True)
                except Simple as error:
                    return str(error)
            def return_it(self):
                return ValueError("only a value")

        def main(args):
            last = charm.numPes() - 1
            single, group, array = Chare(E, onPE=last), Group(E), Array(E, 9)
            for proxy, pe in ((single, last), (group[0], 0), (array[8], last)):
                for name in ("fail", "fail_later", "fail_async"):
                    for how in ({"ret": True}, {"awaitable": True}):
                        e = raises(name, ValueError, getattr(proxy, name)(ValueError, "no way", **how).get, "no way")
                        eq("args", e.args, ("no way",))
                        eq("PE", e.remote_stacktrace[0], pe)
                        check("stack names the method", name in e.remote_stacktrace[1])
                        check("stack names the line", "raise kind(*args)" in e.remote_stacktrace[1])
            e = raises("nested", ValueError, array[8].fail(ValueError, "x", ret=True).get)
            check("whole stack", "deeper" in e.remote_stacktrace[1] and "in fail" in e.remote_stacktrace[1])
            raises("of the program", Simple, array[8].fail(Simple, "mine", ret=True).get, "mine")
            e = raises("with a constructor of its own", Exception, array[8].fail(Custom, 5, "odd", ret=True).get, "odd")
            raises("unpicklable", Exception, array[8].fail(Unpicklable, ret=True).get, "holds a lock")
            raises("OSError", FileNotFoundError, array[8].fail(FileNotFoundError, 2, "gone", "f", ret=True).get, "gone")
            raises("unicode", ValueError, array[8].fail(ValueError, "zürich \\N{SNOWMAN}", ret=True).get, "zürich \\N{SNOWMAN}")
            raises("StopIteration", Exception, array[8].fail(StopIteration, "stop", ret=True).get, "stop")
            raises("division", ZeroDivisionError, array[8].fail(lambda: 1 / 0, ret=True).get)
            again = array[8].fail(Simple, "again", ret=True)
            for _ in range(2):
                raises("raised again", Simple, again.get, "again")

            got = array.fail_some([(2,), (5,), (8,)], ret=True).get()
            for i, x in enumerate(got):
                if i in (2, 5, 8):
                    check("in its place", isinstance(x, KeyError) and x.args == ((i,),))
                    check("with its stack", "fail_some" in x.remote_stacktrace[1])
                else:
                    eq("the others", x, (i,))
            e = raises("awaited", KeyError, array.fail_some([(2,), (5,)], awaitable=True).get)
            check("first of them", e.args in (((2,),), ((5,),)) and "fail_some" in e.remote_stacktrace[1])
            raises("awaited group", KeyError, group.fail_some([last], awaitable=True).get, str(last))
            eq("none fails", array.fail_some([], awaitable=True).get(), None)
            for name in ("fail_later", "fail_async"):
                raises(f"awaited {name}", Simple, getattr(array, name)(Simple, "x", awaitable=True).get, "x")
                eq(f"ret {name}", [type(x).__name__ for x in getattr(group, name)(Simple, "x", ret=True).get()],
                   ["Simple"] * charm.numPes())
            e = raises("relayed", Simple, group[0].relay(single, ret=True).get, "relayed")
            check("from where it came", "deeper" in e.remote_stacktrace[1])
            eq("caught", group[last].catch(single, ret=True).get(), "caught")
            eq("all is well", array.nothing(awaitable=True).get(), None)
            done()

        charm.start(main)
        """,
        n,
    )


UNCAUGHT = {
    "method": ("def explode(self):\n                raise RuntimeError('so be it')", ""),
    "coroutine": ("@coro\n            def explode(self):\n                self.ok()\n                raise RuntimeError('so be it')", ""),
    "async": ("async def explode(self):\n                await self.p()\n                raise RuntimeError('so be it')", ""),
}


@pytest.mark.parametrize("n", ALL)
@pytest.mark.parametrize("kind", UNCAUGHT)
def test_an_exception_that_nobody_receives_ends_the_job(n: int | None, kind: str) -> None:
    body, _ = UNCAUGHT[kind]
    result = fails(
        f"""
        class Bomb(Chare):
            {body}
            def ok(self):
                self.thisProxy.nothing(awaitable=True).get()
            async def p(self):
                await self.thisProxy.nothing(awaitable=True)
            def nothing(self):
                pass
        def main(args):
            Chare(Bomb, onPE=charm.numPes() - 1).explode()
        charm.start(main)
        """,
        n,
        "RuntimeError: so be it",
        "Bomb.explode",
    )
    assert result.said.count("Traceback (most recent call last)") == 1, result.said
    head = result.said.split("Traceback (most recent call last)")[0]
    assert re.search(rf"PE {(n or 1) - 1}\b", head), result.said
    assert "Bomb.explode" in head, result.said
    assert result.said.count("RuntimeError: so be it") <= 2, result.said


@pytest.mark.parametrize("n", (None, 2))
def test_an_exception_in_the_entry_ends_the_job(n: int | None) -> None:
    for prefix in ("def", "async def"):
        result = fails(
            f"""
            class E(Chare):
                def fail(self):
                    raise RuntimeError("far away")
            {prefix} main(args):
                Chare(E, onPE=charm.numPes() - 1).fail(ret=True).get() if {prefix == "def"} else 1 / 0
            charm.start(main)
            """,
            n,
            "main",
            "PE 0",
            "RuntimeError: far away" if prefix == "def" else "ZeroDivisionError: division by zero",
        )
        # The remote part has a stack of its own; what counts is that no PE says it again.
        assert result.said.count("Traceback (most recent call last)") <= (2 if prefix == "def" else 1), result.said


@pytest.mark.parametrize("n", (2, 4))
def test_exceptions_on_all_pes_at_once_are_told_once(n: int) -> None:
    result = fails(
        """
        class E(Chare):
            def fail(self):
                raise RuntimeError("together")
        def main(args):
            Group(E).fail()
        charm.start(main)
        """,
        n,
        "RuntimeError: together",
        "E.fail",
    )
    assert result.said.count("Traceback (most recent call last)") == 1, result.said


@pytest.mark.parametrize("n", ALL)
def test_calls_of_oneself_are_local(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self):
                self.log = []
            def helper(self, x, k=1):
                self.log.append(("helper", x))
                return x + k
            @coro
            def waits(self, future):
                return future.get()
            def outer(self):
                got = self.helper(1, k=5)
                self.thisProxy[self.thisIndex].helper(100)
                self.log.append("outer ends")
                return got, list(self.log)
            @coro
            def outer_coroutine(self, future):
                return self.waits(future) + self.helper(1)
            def look(self):
                return self.log

        def main(args):
            last = charm.numPes() - 1
            p = Group(E)[last]
            eq("at once, with a value", p.outer(ret=True).get(), (6, [("helper", 1), "outer ends"]))
            future = Future()
            result = p.outer_coroutine(future, ret=True)
            eq("suspended inside of a local call", p.helper(0, ret=True).get(), 1)
            check("still", not result.ready())
            future.send(40)
            eq("resumed", result.get(), 42)
            while ("helper", 100) not in p.look(ret=True).get():
                pass
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_ring_and_floods(n: int | None) -> None:
    """Messages between all pairs, many at once, in both directions: nothing is lost, doubled or mixed up."""
    holds(
        """
        class Node(Chare):
            def __init__(self):
                self.sums, self.counts = {}, {}
            def hop(self, left, path, end):
                path = path + [self.thisIndex]
                if left == 0:
                    end(path)
                else:
                    self.thisProxy[(self.thisIndex + 1) % charm.numPes()].hop(left - 1, path, end)
            def flood(self, count):
                for k in range(count):
                    for pe in range(charm.numPes()):
                        self.thisProxy[pe].take(self.thisIndex, k, data=bytes([k % 251]) * (k % 500))
            def take(self, source, k, data):
                assert data == bytes([k % 251]) * (k % 500)
                self.sums[source] = self.sums.get(source, 0) + k
                self.counts[source] = self.counts.get(source, 0) + 1
            def told(self):
                return self.sums, self.counts

        def main(args):
            count, end, n = 1000, Future(), charm.numPes()
            nodes = Group(Node)
            nodes[0].hop(50, [], end)
            eq("ring", end.get(), [k % n for k in range(51)])
            nodes.flood(count, awaitable=True).get()
            whole = {pe: count for pe in range(n)}
            while not all(counts == whole for _, counts in nodes.told(ret=True).get()):
                pass
            for sums, counts in nodes.told(ret=True).get():
                eq("sums", sums, {pe: count * (count - 1) // 2 for pe in sums})
            done()

        charm.start(main)
        """,
        n,
    )
