"""§8, §4.3: @when in all its classes of condition, and self.wait(): who is delivered, when, in which order."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds, run

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_conditions(n: int | None) -> None:
    """§8: names allowed, classes of condition, default values and keywords (§0 @when)."""
    holds(
        """
        from types import SimpleNamespace
        from chariot import when
        LIMIT = [10]
        def enough(k): return k >= LIMIT[0]

        class E(Chare):
            def __init__(self):
                self.step, self.open, self.at, self.log = 0, False, SimpleNamespace(here=(0, "a")), []
            def set(self, **values):
                self.__dict__.update(values)
            def place(self, here):
                self.at.here = here
            def limit(self, k):
                LIMIT[0] = k
            def hear(self, name, *what):
                self.log.append((name, *what))
                return (name, *what)
            def heard(self):
                log, self.log = self.log, []
                return log
            @when("self.step == step")
            def tag(self, step, x=5): return self.hear("tag", step, x)
            @when("step == self.step")
            def tag_right(self, step): return self.hear("tag_right", step)
            @when("self.at.here == where")
            def tag_deep(self, x, where=(1, "b")): return self.hear("tag_deep", x, where)
            @when("self.step == args[1]")
            def tag_args(self, a, b=3): return self.hear("tag_args", a, b)
            @when("self.step == key")
            def tag_keyword(self, *, key=7): return self.hear("tag_keyword", key)
            @when("self.open")
            def shared(self): return self.hear("shared")
            @when("self.step >= 2 and enough(self.step)")
            def shared_globals(self): return self.hear("shared_globals")
            @when("x > self.step")
            def each(self, x, y=1): return self.hear("each", x, y)
            @when("enough(x + y) or k is not None")
            def each_globals(self, x, y=1, *, k=None): return self.hear("each_globals", x, y, k)
            @when("message.step == self.step + 1 and message.parts['a'][0]")
            def attributes(self, message): return self.hear("attributes", message.step)
            @when("len(rest) > self.step and sum(r for r in rest) and args[0] == rest[0]")
            def var_args(self, *rest): return self.hear("var_args", *rest)
            @when("rest.get('go') and x == args[0] and len(args) == 2")
            def var_keywords(self, x, y=0, **rest): return self.hear("var_keywords", x, y, sorted(rest))
            @when("this.step == x + 0 and self is this")
            def named(this, x): return this.hear("named", x)
            @when("True")
            def always(self): return self.hear("always")
            @when("[s for s in (self.step,) if s == x] and (lambda s: s == x)(self.step)")
            def inner(self, x): return self.hear("inner", x)
            @when(" (self.step ==  # a comment" + chr(10) + "x) ")
            def lines(self, x): return self.hear("lines", x)
            @staticmethod
            @when("self.step == args[0]")
            def static(x): return ("static", x)

        def late(what, e, f, change, want):
            e.heard(awaitable=True).get()
            check(what + " waits", not f.ready())
            change()
            eq(what, f.get(), want)

        def main(args):
            group = Group(E)
            for pe in {0, charm.numPes() - 1}:
                e = group[pe]
                to = lambda **values: lambda: e.set(**values)
                e.tag(0, awaitable=True).get()
                e.always(awaitable=True).get()
                eq("at once", e.heard(ret=True).get(), [("tag", 0, 5), ("always",)])
                late("tag", e, e.tag(1, ret=True), to(step=1), ("tag", 1, 5))
                late("tag by name", e, e.tag(x=9, step=2, ret=True), to(step=2), ("tag", 2, 9))
                late("other side", e, e.tag_right(3, ret=True), to(step=3), ("tag_right", 3))
                late("default of a tag", e, e.tag_deep(1, ret=True), lambda: e.place((1, "b")), ("tag_deep", 1, (1, "b")))
                late("tuple", e, e.tag_deep(1, (0, "a"), ret=True), lambda: e.place((0, "a")), ("tag_deep", 1, (0, "a")))
                e.set(step=0)
                late("args", e, e.tag_args(9, 4, ret=True), to(step=4), ("tag_args", 9, 4))
                late("args, default", e, e.tag_args(9, ret=True), to(step=3), ("tag_args", 9, 3))
                late("keyword-only", e, e.tag_keyword(key=6, ret=True), to(step=6), ("tag_keyword", 6))
                late("its default", e, e.tag_keyword(ret=True), to(step=7), ("tag_keyword", 7))
                late("equal, not the same", e, e.tag(8, ret=True), to(step=8.0), ("tag", 8, 5))
                late("numpy", e, e.tag(9, ret=True), to(step=np.int64(9)), ("tag", 9, 5))
                late("shared", e, e.shared(ret=True), to(open=True), ("shared",))
                e.shared(awaitable=True).get()
                e.set(step=3)
                f = e.shared_globals(ret=True)
                e.heard(awaitable=True).get()
                check("globals do not hold", not f.ready())
                e.limit(3)
                eq("globals", f.get(), ("shared_globals",))
                e.limit(10)
                late("each", e, e.each(2, ret=True), to(step=1), ("each", 2, 1))
                f = e.each_globals(1, ret=True)
                late("each, globals", e, f, lambda: e.limit(2), ("each_globals", 1, 1, None))
                e.limit(10)
                eq("keyword makes it hold", e.each_globals(1, k=0, ret=True).get(), ("each_globals", 1, 1, 0))
                message = SimpleNamespace(step=5, parts={"a": [1]})
                late("attributes", e, e.attributes(message, ret=True), to(step=4), ("attributes", 5))
                late("*args", e, e.var_args(1, 2, ret=True), to(step=1), ("var_args", 1, 2))
                eq("**keywords", e.var_keywords(4, go=1, ret=True).get(), ("var_keywords", 4, 0, ["go"]))
                late("self of another name", e, e.named(5, ret=True), to(step=5), ("named", 5))
                late("inner names", e, e.inner(6, ret=True), to(step=6), ("inner", 6))
                late("several lines", e, e.lines(7, ret=True), to(step=7), ("lines", 7))
                late("static", e, e.static(8, ret=True), to(step=8), ("static", 8))
                nan = float("nan")
                e.set(step=nan)
                f = e.tag(nan, ret=True)
                e.heard(awaitable=True).get()
                check("NaN equals nothing", not f.ready())
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_order(n: int | None) -> None:
    """§0 @when: first in, first out among messages that become deliverable together; §8: until nothing more fires."""
    holds(
        """
        from chariot import when
        evaluated = [0]
        def count():
            evaluated[0] += 1
            return True

        class E(Chare):
            def __init__(self):
                self.step, self.open, self.log, self.depth, self.stop_at = 0, False, [], 0, None
            def note(self, *what):
                assert self.depth == 0, "delivered inside of another"
                self.depth += 1
                self.log.append(what if len(what) > 1 else what[0])
                if what[0] == self.stop_at: self.open = False
                self.depth -= 1
            def set(self, **values):
                self.depth += 1
                self.__dict__.update(values)
                self.depth -= 1
            def heard(self):
                log, self.log = self.log, []
                return log
            def size(self): return len(self.log)
            def evaluations(self):
                count, evaluated[0] = evaluated[0], 0
                return count
            @when("self.open")
            def a(self, k): self.note(k)
            @when("self.open and k is not None")
            def b(self, k): self.note(k)
            @when("self.open == flag")
            def c(self, k, flag): self.note(k)
            @when("self.step == step")
            def t(self, step, k):
                self.note(step, k)
                if k == "last": self.step += 1
            @when("self.open")
            @coro
            def d(self, k):
                self.note(k)
                charm.sleep(0)
            @when("self.open")
            async def f(self, k):
                self.note(k)
                await charm.sleep(0)
            @when("self.open and count()")
            def counted(self, k): self.note(k)
            @coro
            def w(self, k):
                self.wait("self.open")
                self.note(k)

        def main(args):
            group = Group(E)
            for pe in {0, charm.numPes() - 1}:
                e = group[pe]
                many = 300
                for k in range(many):
                    (e.a, e.b, lambda k: e.c(k, True), e.d, e.f, e.w)[k * 7 % 6](k)
                e.set(open=True)
                while e.size(ret=True).get() < many: charm.sleep(0.001)
                eq("by arrival, over all methods and waits", e.heard(ret=True).get(), list(range(many)))
                e.set(open=False)
                for k in range(9):
                    (e.a, e.b, e.w)[k % 3](k)
                e.set(stop_at=4, open=True, awaitable=True).get()
                eq("only as long as it holds", e.heard(ret=True).get(), [0, 1, 2, 3, 4])
                e.set(open=True, stop_at=None, awaitable=True).get()
                eq("the rest, with what came in between", e.heard(ret=True).get(), [5, 6, 7, 8])
                e.set(open=False)
                for step in (3, 1, 2, 0):
                    for k in ("first", "second", "last"): e.t(step, k)
                e.set(step=0, awaitable=True).get()
                eq("step by step", e.heard(ret=True).get(),
                   [(step, k) for step in range(4) for k in ("first", "second", "last")])
                e.evaluations(awaitable=True).get()
                for k in range(100): e.counted(k)
                e.set(open=True, awaitable=True).get()
                e.a("after", awaitable=True).get()
                eq("all of them", e.heard(ret=True).get(), [*range(100), "after"])
                e.set(open=False)
                for k in range(50): e.a(k)
                e.heard(awaitable=True).get()
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_ten_thousand_tags(n: int | None) -> None:
    """§8: tag matches are indexed; the tag changes in steps, forth and back."""
    holds(
        """
        from chariot import when
        import random

        class E(Chare):
            def __init__(self):
                self.step, self.end, self.got = -1, None, []
            @when("self.step == step")
            def go(self, step):
                self.got.append(step)
                self.step += 1
                if self.step == 10_000:
                    self.end.send(self.got == sorted(self.got))
                    self.got = []
            def start(self, end):
                self.end, self.step = end, 0
            @coro
            def others(self, k):
                return k

        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            for steps in (list(range(10_000)), list(reversed(range(10_000))), random.sample(range(10_000), 10_000)):
                for step in steps: e.go(step)
                end = Future()
                e.start(end)
                eq("others get their turn", e.others(1, ret=True).get(), 1)
                eq("in order of their tags", end.get(timeout=40), True)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_results(n: int | None) -> None:
    """§5: with @when methods ret and awaitable complete when finally delivered and finished; §8: any order with @coro."""
    holds(
        """
        from chariot import when

        class E(Chare):
            def __init__(self):
                self.step = 0
            def set(self, step): self.step = step
            def step_of(self): return self.step
            @when("self.step == n")
            def plain(self, n): return (self.thisIndex, n)
            @when("self.step == n")
            @coro
            def outer(self, n):
                charm.sleep(0.001)
                return (self.thisIndex, n)
            @coro
            @when("self.step == n")
            def inner(self, n, gate=None):
                if gate is not None: gate.get()
                return (self.thisIndex, n)
            @when("self.step == n")
            async def later(self, n):
                await charm.sleep(0.001)
                return (self.thisIndex, n)
            @when("self.step == n")
            def fail(self, n): raise KeyError(n)
            @when("self.step == n")
            async def fail_later(self, n):
                await charm.sleep(0)
                raise KeyError(n)
            @when("self.step.real == x.real + y")
            def bad(self, x, y): return y
            @when("self.step == x")
            def tagged(self, x): return x
            @when("x.nothing or self.step == 99")
            def worse(self, x): return x

        def main(args):
            group = Group(E)
            pes = range(charm.numPes())
            step = 0
            for pe in {0, pes[-1]}:
                e = group[pe]
                for name in ("plain", "outer", "inner", "later"):
                    for want in ("ret", "awaitable"):
                        step += 1
                        f = getattr(e, name)(step, **{want: True})
                        g = getattr(group, name)(step, **{want: True})
                        e.step_of(awaitable=True).get()
                        check("both wait", not f.ready() and not g.ready())
                        e.set(step)
                        if want == "ret": eq(name, f.get(), (pe, step))
                        f.get()
                        check("one has it", charm.numPes() == 1 or not g.ready())
                        group.set(step)
                        eq("broadcast", g.get(), [(p, step) for p in pes] if want == "ret" else None)
                step += 1
                gate = Future()
                f = e.inner(step, gate, ret=True)
                e.set(step, awaitable=True).get()
                check("delivered and not finished", not f.ready())
                gate.send()
                eq("finished", f.get(), (pe, step))
                for name in ("fail", "fail_later"):
                    step += 1
                    f = getattr(e, name)(step, ret=True)
                    g = getattr(group, name)(step, ret=True)
                    h = getattr(group, name)(step, awaitable=True)
                    group.set(step)
                    raises(name, KeyError, f.get)
                    check("exceptions in the list", all(isinstance(x, KeyError) for x in g.get()))
                    raises("awaited broadcast", KeyError, h.get)
                eq("it goes on", e.plain(step, ret=True).get(), (pe, step))
                error = raises("bad", "Charm4PyError", e.bad("x", 1, ret=True).get, "E.bad", "self.step.real == x.real + y")
                check("cause", "AttributeError" in str(error))
                raises("unhashable tag", "Charm4PyError", e.tagged([1], ret=True).get, "E.tagged", "hashable", "list")
                raises("array", "Charm4PyError", e.tagged(np.arange(3), ret=True).get, "hashable")
                raises("each", "Charm4PyError", e.worse(1, ret=True).get, "E.worse", "'int' object has no attribute")
                f = e.tagged("x", ret=True)
                e.set([1])
                raises("unhashable attribute", "Charm4PyError", f.get, "E.tagged", "unhashable")
                e.set(step)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_when_conditions_are_looked_at(n: int | None) -> None:
    """§8, §7: after every method, coroutine slice and future resume; §3.9: auto_flush_wait_queues; never inside."""
    holds(
        """
        from chariot import when

        class E(Chare):
            @coro
            def __init__(self, auto):
                self.k, self.log, self.busy = 0, [], False
                if auto: self.hold()
            def hold(self):
                self.k = 100
                charm.sleep(0.001)
                self.k = 0
            @when("self.k == k")
            def at(self, k):
                assert not self.busy
                self.log.append(k)
                return k
            def heard(self): return self.log
            def set(self, k): self.k = k
            @coro
            def slices(self, gate):
                self.busy, self.k, self.busy = True, 1, False
                gate.get()
                self.busy, self.k, self.busy = True, 2, False
                self.allreduce().get()
                self.k = 3
            async def slices_async(self, gate):
                self.k = 1
                await gate
                self.k = 2
                await self.allreduce()
                self.k = 3
            def inside(self):
                self.busy = True
                self.k = 4
                self.__flush_wait_queues__()
                self.at(4)
                self.busy = False
            def quietly(self, k, flush=False):
                self.k = k
                if flush: self.__flush_wait_queues__()
            def auto(self, on): charm.options.auto_flush_wait_queues = on

        def main(args):
            group = Group(E, args=[True])
            for pe in {0, charm.numPes() - 1}:
                e = group[pe]
                charm.sleep(0.005)
                for name in ("slices", "slices_async"):
                    e.set(0)
                    f = [e.at(k, ret=True) for k in (1, 2, 3)]
                    gates = [Future() for _ in range(charm.numPes())]
                    ended = [getattr(group[p], name)(gates[p], awaitable=True) for p in range(charm.numPes())]
                    eq("first slice", f[0].get(), 1)
                    e.heard(awaitable=True).get()
                    check("not yet", not f[1].ready())
                    for gate in gates: gate.send()
                    eq("resumed", f[1].get() or f[2].get(), 2)
                    eq("and after allreduce", f[2].get(), 3)
                    charm.wait(ended)
                e.auto(False)
                f = e.at(7, ret=True)
                e.quietly(7, awaitable=True).get()
                check("off", not f.ready())
                eq("what holds on arrival is delivered", e.at(7, ret=True).get(), 7)
                check("still off", not f.ready())
                e.quietly(7, True)
                eq("flushed", f.get(), 7)
                e.auto(True)
                f = e.at(8, ret=True)
                e.quietly(8)
                eq("on again", f.get(), 8)
            early = Chare(E, args=[True], onPE=charm.numPes() - 1)
            f = early.at(100, ret=True)
            eq("while its constructor waits", f.get(), 100)
            eq("and when it has ended", early.at(0, ret=True).get(), 0)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_self_wait(n: int | None) -> None:
    """§4.3 wait: over self and globals, at once if true, several on the same string, in every kind of coroutine."""
    holds(
        """
        GO = [0]

        class E(Chare):
            def __init__(self):
                self.k = 0
            def set(self, k): self.k = k
            def go(self, k): GO[0] = k
            def quiet(self): pass
            @coro
            def hold(self, condition, *more):
                given = [self.wait(condition)]
                for condition in more: given.append(self.wait(condition))
                return given, self.k
            async def hold_async(self, condition, *more):
                given = [await self.wait(condition)]
                for condition in more: given.append(await self.wait(condition))
                return given, self.k
            @coro
            def eat(self, k):
                self.wait("self.k > 0")
                self.k -= 1
                return k
            async def eat_async(self, k):
                await self.wait("self.k > 0")
                self.k -= 1
                return k
            def plain(self): return self.wait("self.k == 0")
            async def forgets(self):
                import warnings
                with warnings.catch_warnings(record=True) as seen:
                    warnings.simplefilter("always")
                    self.wait("self.k == 1")
                return [str(w.message) for w in seen]
            @coro
            def __call__(self): pass
            @coro
            def many(self, count):
                for k in range(count):
                    self.wait(f"self.k >= {k} or self.k < {k}")
                return count

        class Build(Chare):
            @coro
            def __init__(self):
                self.ready = False
                self.wait("self.ready")
            def set(self): self.ready = True

        def main(args):
            group = Group(E)
            for pe in {0, charm.numPes() - 1}:
                e = group[pe]
                for name in ("hold", "hold_async"):
                    hold = getattr(e, name)
                    e.set(0)
                    eq("at once", hold("self.k == 0", "True", ret=True).get(), ([None, None], 0))
                    f = [hold("self.k == 1", ret=True) for _ in range(10)]
                    f += [hold("self.k == 1", "self.k == 2", ret=True), hold("GO[0] == self.k + 4", ret=True)]
                    e.quiet(awaitable=True).get()
                    check("all wait", not any(x.ready() for x in f))
                    e.set(1)
                    eq("ten at once", [x.get() for x in f[:10]], [([None], 1)] * 10)
                    e.quiet(awaitable=True).get()
                    check("two wait", not f[10].ready() and not f[11].ready())
                    e.set(2)
                    eq("twice", f[10].get(), ([None, None], 2))
                    e.go(6)
                    eq("globals", f[11].get(), ([None], 2))
                    e.go(0)
                    raises("syntax", "Charm4PyError", hold("self.k ==", ret=True).get, "self.k ==")
                    raises("name", "Charm4PyError", hold("nix == 1", ret=True).get, "nix")
                    raises("no string", TypeError, hold(True, ret=True).get, "string")
                    raises("attribute", "Charm4PyError", hold("self.nix", ret=True).get, "self.nix", "AttributeError")
                    f = hold("self.k > 5 and self.nix", ret=True)
                    e.set(6)
                    raises("later", "Charm4PyError", f.get, "self.nix", "AttributeError")
                e.set(0)
                f = [(e.eat, e.eat_async)[k % 2](k, ret=True) for k in range(8)]
                e.set(3, awaitable=True).get()
                eq("only three, the first", [x.ready() for x in f], [True] * 3 + [False] * 5)
                e.set(5)
                eq("then the others", [x.get() for x in f], list(range(8)))
                e.set(0)
                raises("plain", "NotThreadedError", e.plain(ret=True).get, "E.plain", "@coro")
                eq("without await", e.forgets(ret=True).get(), ["self.wait() was called in an async def and not awaited"])
                eq("many conditions", e.many(2000, ret=True).get(), 2000)
                b = Chare(Build, onPE=pe)
                b.set()
                charm.awaitCreation(b)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_destroyed_while_it_waits(n: int | None) -> None:
    """§0 creation: destroy frees everything: calls and coroutines that wait at a chare learn of it."""
    holds(
        """
        from chariot import when

        class E(Chare):
            k = 0
            @when("self.k == k")
            def at(self, k): return k
            @when("self.k == 5 and k")
            def each(self, k): return k
            @coro
            def hold(self): self.wait("self.k == 1")
            async def hold_async(self): await self.wait("self.k == 1")

        def main(args):
            group = Group(E)
            e = group[charm.numPes() - 1]
            f = [e.at(1, ret=True), e.each(2, awaitable=True), e.hold(awaitable=True), e.hold_async(ret=True)]
            e.at(3)
            e.at(0, awaitable=True).get()
            group.destroy(awaitable=True).get()
            for x in f: raises("destroyed", "Charm4PyError", x.get, "E", "destroyed")
            done()

        charm.start(main)
        """,
        n,
    )


def test_tags_that_change() -> None:
    """§8: a tag whose hash changes while its call waits is the program's mistake, and harms nothing else."""
    holds(
        """
        from chariot import when

        class Tag:
            def __init__(self, k): self.k = k
            def __hash__(self): return self.k
            def __eq__(self, other): return self.k == other.k

        class E(Chare):
            tag = Tag(0)
            @when("self.tag == tag")
            def at(self, tag, k): return k
            def set(self, k): self.tag = Tag(k)
            def spoil(self, tag): tag.k += 1000

        def main(args):
            e = Chare(E)
            tags = [Tag(k) for k in range(1, 9)]
            f = [e.at(tag, k, ret=True) for k, tag in enumerate(tags)]
            e.at(Tag(0), 9, awaitable=True).get()
            tags[0].k = 500
            tags[1].k = 3
            for k in range(1, 9): e.set(k)
            e.at(Tag(8), 9, awaitable=True).get()
            eq("the others", [f[k].get() for k in range(2, 8)], list(range(2, 8)))
            e.set(2)
            e.set(500, awaitable=True).get()
            e.at(Tag(500), 9, awaitable=True).get()
            done()

        charm.start(main)
        """,
        None,
    )


def test_a_global_may_come_later() -> None:
    """§8: names are those of the module, when the condition is evaluated; one that is not there then is an error."""
    holds(
        """
        from chariot import when
        class E(Chare):
            @when("x == limit")
            def go(self, x):
                return x
            @coro
            def waits(self):
                self.wait("limit == 3")
                return limit
        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            raises("not there", "Charm4PyError", e.go(3, ret=True).get, "E.go", "x == limit", "'limit'")
            charm.thisProxy.updateGlobals({"limit": 3}, awaitable=True).get()
            eq("there", e.go(3, ret=True).get(), 3)
            eq("waits", e.waits(ret=True).get(), 3)
            done()
        charm.start(main)
        """,
        2,
    )


BAD = {
    "no string": ("@when(3)", "def go(self, x): pass", ("TypeError", "@when", "3")),
    "syntax": ("@when('self.x ==')", "def go(self, x): pass", ("Charm4PyError", "self.x ==")),
    "statement": ("@when('x = 1')", "def go(self, x): pass", ("Charm4PyError", "x = 1")),
    "empty": ("@when('')", "def go(self, x): pass", ("Charm4PyError", "@when('')")),
    "two": ("@when('True')\n    @when('x')", "def go(self, x): pass", ("Charm4PyError", "E.go", "and")),
    "yield": ("@when('(yield x)')", "def go(self, x): pass", ("Charm4PyError", "E.go", "yield")),
    "constructor": ("@when('x')", "def __init__(self, x): pass", ("Charm4PyError", "E.__init__", "constructor")),
    "no function": ("@when('True')", "go = when('True')(3)", ("TypeError", "@when")),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_no_condition(name: str) -> None:
    """§0 argument checks: refused when the class is made or registered, naming class, method and expression."""
    decorator, method, words = BAD[name]
    head = method if name == "no function" else f"{decorator}\n    {method}"
    fails(f"from chariot import when\nclass E(Chare):\n    {head}\n\ncharm.start(lambda args: exit())\n", None, *words)


@pytest.mark.parametrize("n", (None, 2))
@pytest.mark.parametrize("when", ("arrives", "waits"))
def test_a_condition_that_fails_for_nobody(n: int | None, when: str) -> None:
    """§8, §3.1: it ends the job, naming class, method and expression."""
    fails(
        f"""
        from chariot import when
        class E(Chare):
            k = 0
            @when("self.k == 0 and self.nix == x" if {when == "arrives"} else "self.k == 1 and self.nix == x")
            def go(self, x): pass
            def set(self): self.k = 1
            def late(self): print("too late", flush=True)
        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            e.go(1)
            e.set()
        charm.start(main)
        """,
        n,
        "E.go",
        "self.nix == x",
        "AttributeError",
        f"PE {(n or 1) - 1}",
    )


def test_old_forms() -> None:
    """§0 removed names: @when('attrib') and threaded work, and say what to write; importing says nothing."""
    result = run(
        """
        import warnings
        from chariot import when, threaded, coro_ext
        PLACE = 3
        class E(Chare):
            def __init__(self): self.step = 0
            @when("step")
            def go(self, n, x=1):
                self.step += 1
                return n
            @when("PLACE")
            def shared(self): return "shared"
            @when("flag")
            def each(self, flag): return flag
            @threaded
            def old(self):
                charm.sleep(0)
                return 1
            @coro_ext(event_notify=True)
            def told(self):
                charm.sleep(0)
                return 2
        def main(args):
            e = Chare(E)
            f = [e.go(n, ret=True) for n in (2, 1, 0)]
            eq("by the first parameter", [x.get() for x in f], [2, 1, 0])
            eq("a global", e.shared(ret=True).get(), "shared")
            eq("a parameter", e.each(1, ret=True).get(), 1)
            eq("coroutines", (e.old(ret=True).get(), e.told(ret=True).get()), (1, 2))
            done()
        charm.start(main)
        """,
        1,
    )
    assert result.status == 0 and "all checks hold" in result.stdout, result.said
    assert result.stderr.count("DeprecationWarning") == 2, result.stderr
    assert "self.step == n" in result.stderr and "@coro" in result.stderr


def test_old_forms_named_as_something_else() -> None:
    """§0 removed names: an attribute may be called as a function, class or module is; a global that is a flag stays one."""
    result = run(
        """
        from chariot import when
        FLAG, NOTHING = [], None
        def helper(): pass
        class E(Chare):
            def __init__(self): self.round = self.id = self.helper = self.os = self.Other = 1
            @when("round")
            def builtin(self, n): return self.count("round")
            @when(" id ")
            def spaces(self, n): return self.count("id")
            @when("helper")
            def function(self, n): return self.count("helper")
            @when("os")
            def module(self, n): return self.count("os")
            @when("Other")
            def class_(self, n): return self.count("Other")
            @when("FLAG")
            def flag(self, n): return n
            @when("NOTHING")
            def nothing(self, n): return n
            @when("True")
            def constant(self, n): return n
            @when("round")
            def own(self, round): return round
            def count(self, name):
                setattr(self, name, getattr(self, name) + 1)
                return getattr(self, name)
            def waits(self): return [FLAG.append(1)]
        class Other: pass
        def main(args):
            e = Chare(E)
            for name in ("builtin", "spaces", "function", "module", "class_"):
                f = [getattr(e, name)(n, ret=True) for n in (3, 2, 1)]
                eq(name, [x.get() for x in f], [4, 3, 2])
            eq("constant", e.constant(5, ret=True).get(), 5)
            eq("a parameter", e.own(6, ret=True).get(), 6)
            held = [e.flag(1, ret=True), e.nothing(1, ret=True)]
            charm.waitQD()
            eq("held back", [f.ready() for f in held], [False, False])
            e.waits()
            eq("by its flag", held[0].get(), 1)
            check("for ever", not held[1].ready())
            done()
        charm.start(main)
        """,
        1,
    )
    assert result.status == 0 and "all checks hold" in result.stdout, result.said
    assert result.stderr.count("DeprecationWarning") == 5 and "self.round == n" in result.stderr, result.stderr
