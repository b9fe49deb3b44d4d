"""Reductions as programs see them: every way to start one, every target, many at a time, values of every kind."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_values(n: int | None) -> None:
    """Each case: a reducer, what element i of six gives, and what comes out."""
    holds(
        """
        import array, fractions, math

        class Vec:
            def __init__(self, *x):
                self.x = x
            def __add__(self, other):
                return self if other == 0 else Vec(*(a + b for a, b in zip(self.x, other.x)))
            __radd__ = __add__
            def __eq__(self, other):
                return isinstance(other, Vec) and self.x == other.x

        IS = range(6)
        CASES = [
            ("sum", lambda i: i + 1, 21), ("product", lambda i: i + 1, 720), ("max", lambda i: i * 3, 15),
            ("min", lambda i: i - 3, -3), ("sum", lambda i: i + 0.5, 18.0), ("product", lambda i: 0.5, 0.5**6),
            ("max", lambda i: -i / 2, 0.0), ("min", lambda i: i / 4, 0.0),
            ("sum", lambda i: 2**70 + i, 6 * 2**70 + 15), ("sum", lambda i: -(2**63), -6 * 2**63),
            ("product", lambda i: 2**40, 2**240), ("max", lambda i: 10**30 * i, 5 * 10**30), ("min", lambda i: -(10**30), -(10**30)),
            ("sum", lambda i: 2**62, 6 * 2**62), ("sum", lambda i: i if i % 2 else float(i), 15.0),
            ("logical_and", lambda i: True, True), ("logical_and", lambda i: i != 3, False),
            ("logical_or", lambda i: i == 3, True), ("logical_or", lambda i: False, False),
            ("logical_xor", lambda i: i == 3, True), ("logical_xor", lambda i: i > 3, False),
            ("max", lambda i: "abcdef"[i], "f"), ("sum", lambda i: fractions.Fraction(1, i + 1), fractions.Fraction(49, 20)),
            ("sum", lambda i: Vec(i, 1), Vec(15, 6)), ("max", lambda i: float("inf") if i == 2 else 0.0, math.inf),
            ("sum", lambda i: 1j * i, 15j),
            ("gather", lambda i: i, list(IS)), ("gather", lambda i: [i], [[i] for i in IS]), ("gather", lambda i: None, [None] * 6),
            ("gather", lambda i: {"k": (i, "x")}, [{"k": (i, "x")} for i in IS]), ("gather", lambda i: str(i) * i, [str(i) * i for i in IS]),
            ("gather", lambda i: i % 2 == 0, [i % 2 == 0 for i in IS]),
            ("gather", lambda i: np.arange(i), [np.arange(i) for i in IS]), ("gather", lambda i: Vec(i), [Vec(i) for i in IS]),
            ("nop", lambda i: None, None), (None, lambda i: None, None),
        ]
        for dtype in "int8 int16 int32 int64 uint8 uint16 uint32 uint64 float16 float32 float64 complex64 complex128".split():
            vector = lambda i, dtype=dtype: np.array([i, 1, 2 + i % 2], dtype)
            small = lambda i, dtype=dtype: np.array([1, 2 if i else 1, 1 + i % 2], dtype)
            CASES += [("sum", vector, np.array([15, 6, 15], dtype)), ("product", small, np.array([1, 32, 8], dtype))]
            if not dtype.startswith("complex"):
                CASES += [("max", vector, np.array([5, 1, 3], dtype)), ("min", vector, np.array([0, 1, 2], dtype))]
        CASES += [
            ("sum", lambda i: np.full((2, 3), i, "f4"), np.full((2, 3), 15, "f4")),
            ("max", lambda i: np.asfortranarray(np.arange(6.0).reshape(2, 3) * i), np.arange(6.0).reshape(2, 3) * 5),
            ("sum", lambda i: np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1], 6 * np.arange(24).reshape(2, 3, 4)[:, ::2, ::-1].copy()),
            ("sum", lambda i: np.array([i]), np.array([15])), ("sum", lambda i: np.array([[i * 0.5]]), np.array([[7.5]])),
            ("min", lambda i: np.zeros((0, 3)), np.zeros((0, 3))),
            ("logical_and", lambda i: np.array([True, i < 3, False]), np.array([True, False, False])),
            ("logical_or", lambda i: np.array([True, i < 3, False]), np.array([True, True, False])),
            ("logical_xor", lambda i: np.array([True, i < 3, False]), np.array([False, True, False])),
            ("sum", lambda i: np.ones(200_000), np.full(200_000, 6.0)),
            ("gather", lambda i: np.full(50_000, i), [np.full(50_000, i) for i in IS]),
        ]
        LISTS = [  # come out as a numpy array
            ("sum", lambda i: [i, 2 * i, 1], [15, 30, 6]), ("sum", lambda i: (i, 0.5), [15, 3.0]), ("max", lambda i: [i, -i], [5, 0]),
            ("min", lambda i: [i * 0.5, -i * 1.0], [0.0, -5.0]), ("product", lambda i: [2, i + 1], [64, 720]), ("sum", lambda i: [i], [15]),
            ("logical_and", lambda i: [True, i < 3], [True, False]), ("logical_or", lambda i: (False, i < 3), [False, True]),
            ("sum", lambda i: [2**62, i], [6 * 2**62, 15]), ("product", lambda i: (2**40, -1), [2**240, 1]),
            ("sum", lambda i: [-(2**63), i % 2 == 0], [-6 * 2**63, 3]), ("sum", lambda i: [2**70, 1.5], [6 * 2**70, 9.0]),
            ("max", lambda i: [2**70 + i, i + 0.5], [2**70 + 5, 5.5]), ("product", lambda i: [2**70, 0.5], [2**420, 0.5**6]),
            ("sum", lambda i: [2**62, 1] if i < 4 else [0.5, i], [4.0 * 2**62 + 1, 13.0]), ("sum", lambda i: [2**62] if i < 5 else [2**70], [5 * 2**62 + 2**70]),
            ("sum", lambda i: [2**62 if i < 3 else -(2**62)], [0]), ("min", lambda i: [2**62, -i], [2**62, -5]),
            ("sum", lambda i: [1, 2] if i < 3 else np.array([1, 2]), [6, 12]), ("sum", lambda i: np.array([2**62]), [-(2**63)]),
            ("sum", lambda i: [2**62] * 50_000, [6 * 2**62] * 50_000), ("sum", lambda i: [1] * 50_000, [6] * 50_000), ("sum", lambda i: [], []),
            ("sum", lambda i: array.array("d", [i, 1]), [15.0, 6.0]), ("max", lambda i: array.array("i", [i, 1]), [5, 1]),
        ]

        class E(Chare):
            def number(self):
                return self.thisIndex[0] * 3 + self.thisIndex[1]
            def contribute_to(self, k, table, target):
                reducer, give, _ = globals()[table][k]
                data = give(self.number())
                if k % 2:
                    self.contribute(data, reducer and getattr(Reducer, reducer), target)
                else:
                    self.reduce(target, data, reducer and getattr(Reducer, reducer))
            @coro
            def agree(self, k):
                reducer, give, _ = CASES[k]
                return self.allreduce(give(self.number()), reducer and getattr(Reducer, reducer)).get()
            async def agree_async(self, k):
                reducer, give, _ = CASES[k]
                return await self.allreduce(give(self.number()), reducer and getattr(Reducer, reducer))

        def main(args):
            elements = Array(E, (2, 3))
            futures = [Future() for _ in CASES]
            for k, future in enumerate(futures):
                elements.contribute_to(k, "CASES", future)
            for (reducer, give, want), future in zip(CASES, futures):
                eq(f"{reducer} of {give(1)!r:.60}", future.get(), want)
            for k, (reducer, give, want) in enumerate(LISTS):
                future = Future()
                elements.contribute_to(k, "LISTS", future)
                got = future.get()
                check(f"{reducer} of {give(1)!r:.60} is a vector: {type(got)}", isinstance(got, np.ndarray))
                name = f"{reducer} of {give(1)!r:.60}: {got!r:.60}"
                check(name, np.asarray(got).tolist() == want)
                check(name, not reducer.startswith("logical") or got.dtype == bool)
                check(name, got.dtype != object or max(map(abs, want)) >= 2**63 or want == [0])
            for k, (reducer, give, want) in enumerate(CASES):
                method = elements.agree_async if k % 2 else elements.agree
                for got in method(k, ret=True).get():
                    eq(f"allreduce {reducer} of {give(1)!r:.60}", got, want)
            done()

        charm.start(main)
        """,
        n,
        timeout=60,
    )


@pytest.mark.parametrize("n", ALL)
def test_targets(n: int | None) -> None:
    holds(
        """
        class Sink(Chare):
            def __init__(self, count):
                self.count = count
            def take(self, *args):
                self.count.send((self.thisIndex, args))
            def empty(self):
                self.count.send((self.thisIndex, "empty"))
            def named(self, total, extra="default"):
                self.count.send((self.thisIndex, (total, extra)))

        class E(Chare):
            def __init__(self, target=None):
                if target is not None:
                    self.reduce(target, 1, Reducer.sum)
            def give(self, target, empty=False):
                if empty:
                    self.reduce(target)
                else:
                    self.contribute(1, Reducer.sum, target)
            @coro
            def give_coroutine(self, target, single):
                (self.thisProxy if single else self.thisProxy[self.thisIndex]).nothing(ret=True).get()
                self.reduce(target, 1, Reducer.sum)
            def nothing(self):
                pass
            def take(self, *args):
                self.taken = args
            def told(self):
                return getattr(self, "taken", None)
            def give_to_own(self):
                self.reduce(self.thisProxy.take, [self.thisIndex == 0 or self.thisIndex == (0,), True], Reducer.logical_or)

        class Main(Chare):
            def __init__(self, args):
                self.heard = Future()
                pes, last = range(charm.numPes()), charm.numPes() - 1
                def sink(make, elements):
                    count = Future(elements)
                    return make(count), count
                sources = [(Group(E), charm.numPes()), (Array(E, 7), 7), (Array(E, (2, 2, 3)), 12), (Chare(E, onPE=last), 1)]
                for source, size in sources:
                    future = Future()
                    source.give(future)
                    eq("future", future.get(), size)
                    source.give_coroutine(future := Future(), single=size == 1 and isinstance(source.elemIdx, tuple))
                    eq("future, from a coroutine", future.get(), size)
                    source.give(future := Future(), empty=True)
                    eq("future, empty", future.get(), None)
                    group_make, array_make = (lambda c: Group(Sink, args=[c])), (lambda c: Array(Sink, (3, 2), args=[c]))
                    g, count = sink(group_make, charm.numPes())
                    source.give(g.take)
                    eq("group", sorted(count.get() if last else [count.get()]), [(pe, (size,)) for pe in pes])
                    g, count = sink(group_make, 1)
                    source.give(g[last].take)
                    eq("element of a group", count.get(), (last, (size,)))
                    a, count = sink(array_make, 6)
                    source.give(a.named)
                    eq("array", sorted(count.get()), [(i, (size, "default")) for i in np.ndindex(3, 2)])
                    a, count = sink(array_make, 1)
                    source.give(a[2, 1].take)
                    eq("element of an array", count.get(), ((2, 1), (size,)))
                    a, count = sink(array_make, 6)
                    source.give(a.empty, empty=True)
                    eq("array, empty", sorted(count.get()), [(i, "empty") for i in np.ndindex(3, 2)])
                    s, count = sink(lambda c: Chare(Sink, args=[c], onPE=last), 1)
                    source.give(s.take, empty=True)
                    eq("single, empty", count.get(), ((0,), ()))
                    self.heard = Future()
                    source.give(self.thisProxy.hear)
                    eq("main chare", self.heard.get(), size)
                group, array = sources[0][0], sources[1][0]
                for own in (group, array):
                    own.give_to_own()
                    while any(taken is None for taken in own.told(ret=True).get()):
                        pass
                    for taken in own.told(ret=True).get():
                        check("to its own collection", len(taken) == 1 and np.asarray(taken[0]).tolist() == [True, True])
                for make, size in ((lambda t: Group(E, args=[t]), charm.numPes()), (lambda t: Array(E, 9, args=[t]), 9)):
                    made = make(future := Future())
                    eq("from constructors", future.get(), size)
                    made.give(future := Future())
                    eq("and afterwards", future.get(), size)
                done()

            def hear(self, total):
                self.heard.send(total)

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_overlapping(n: int | None) -> None:
    """Elements contribute to many reductions ahead of others; nothing mixes, whatever the reducer and the target."""
    holds(
        """
        ROUNDS = 60
        class E(Chare):
            def number(self):
                return self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
            def give_all(self, futures):
                for k, future in enumerate(futures):
                    reducer = (Reducer.sum, Reducer.max, Reducer.gather, None)[k % 4]
                    self.reduce(future, self.number() + 1000 * k, reducer)
            def one_by_one(self, futures, k=0):
                if k < len(futures):
                    self.reduce(futures[k], k, Reducer.sum)
                    self.thisProxy[self.thisIndex].one_by_one(futures, k + 1)
            @coro
            def agree(self):
                out = []
                for k in range(ROUNDS):
                    out.append(self.allreduce(k * (self.number() + 1), Reducer.max).get())
                    self.allreduce().get()
                return out
            async def ahead(self):
                futures = [self.allreduce([k, self.number()], Reducer.sum) for k in range(ROUNDS)]
                return [list(map(int, await future)) for future in reversed(futures)]
            @coro
            def barrier(self, board):
                for k in range(10):
                    board.arrive(k, ret=True).get()
                    self.allreduce().get()
                    assert board.arrived(k, ret=True).get()

        class Board(Chare):
            def __init__(self, size):
                self.size, self.counts = size, {}
            def arrive(self, k):
                self.counts[k] = self.counts.get(k, 0) + 1
            def arrived(self, k):
                return self.counts[k] == self.size

        def main(args):
            for proxy, size in ((Group(E), charm.numPes()), (Array(E, 11), 11)):
                for repeat in range(2):
                    futures = [Future() for _ in range(ROUNDS)]
                    proxy.give_all(futures)
                    for k, future in enumerate(futures):
                        numbers = [i + 1000 * k for i in range(size)]
                        eq(f"round {k}", future.get(), (sum(numbers), max(numbers), numbers, None)[k % 4])
                futures = [Future() for _ in range(ROUNDS)]
                proxy.one_by_one(futures)
                eq("one by one", [f.get() for f in futures], [k * size for k in range(ROUNDS)])
                for got in proxy.agree(ret=True).get():
                    eq("allreduce", got, [k * size for k in range(ROUNDS)])
                for got in proxy.ahead(ret=True).get():
                    eq("many allreduces", got, [[k * size, sum(range(size))] for k in reversed(range(ROUNDS))])
                eq("barrier", proxy.barrier(Chare(Board, args=[size], onPE=charm.numPes() - 1), awaitable=True).get(), None)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_reducers_of_the_program(n: int | None) -> None:
    holds(
        """
        import collections

        def join(contributions):
            out = collections.Counter()
            for contribution in contributions:
                out.update(contribution)
            return out

        def index_of_max(contributions):
            return max(contributions)

        def with_index(data, contributor):
            index = contributor.thisIndex
            return data, index if isinstance(index, int) else index[0]

        def only_index(value):
            return "winner", value[1]

        Reducer.addReducer(join)
        Reducer.addReducer(index_of_max, pre=with_index, post=only_index)

        def unregistered(contributions):
            return contributions[0]

        class E(Chare):
            def number(self):
                return self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
            def join(self, target):
                self.reduce(target, {"all": 1, self.number(): 2}, Reducer.join)
            def best(self, target):
                self.contribute(-abs(self.number() - 3), Reducer.index_of_max, target)
            @coro
            def agree(self):
                return self.allreduce(self.number(), Reducer.index_of_max).get()
            def wrong(self, future):
                self.reduce(future, 1, unregistered)

        def main(args):
            for proxy, size in ((Array(E, 40), 40), (Array(E, 4), 4), (Group(E), charm.numPes())):
                proxy.join(future := Future())
                eq("join", dict(future.get()), {"all": size} | {i: 2 for i in range(size)})
                proxy.best(future := Future())
                eq("pre and post", future.get(), ("winner", min(3, size - 1)))
                eq("allreduce", proxy.agree(ret=True).get(), [("winner", size - 1)] * size)
            raises("name is taken", "Charm4PyError", lambda: Reducer.addReducer(join), "join")
            raises("not registered", "Charm4PyError", Group(E)[0].wrong(Future(), ret=True).get)
            raises("no such reducer", AttributeError, lambda: Reducer.nosuch, "nosuch")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_what_reductions_refuse(n: int) -> None:
    holds(
        """
        class E(Chare):
            def no_target(self):
                self.reduce(5, 1, Reducer.sum)
            def no_reducer(self, f):
                self.reduce(f, 1, "sum")
            def local(self):
                self.reduce(self.local, 1, Reducer.sum)
            def nothing(self):
                return 1

        def main(args):
            e = Group(E)[charm.numPes() - 1]
            for name, arguments in (("no_target", ()), ("no_reducer", (Future(),))):
                error = raises(name, Exception, getattr(e, name)(*arguments, ret=True).get)
                check(f"{name}: {error!r}", isinstance(error, (TypeError, ValueError)) or is_charm_error(error))
            eq("unharmed", e.nothing(ret=True).get(), 1)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 4))
def test_a_reducer_that_fails(n: int) -> None:
    """Whoever waits for the result gets the exception; where nobody does, the job ends with it."""
    program = """
        def broken(contributions):
            raise ArithmeticError("cannot combine")
        Reducer.addReducer(broken)

        class E(Chare):
            def give(self, target):
                self.reduce(target, 1, Reducer.broken)
            def mixed(self, target):
                self.reduce(target, [1, 2] if self.thisIndex == (0,) else {"x": 1}, Reducer.sum)
            def hear(self, value):
                pass

        def main(args):
            elements = Array(E, 8)
            %s

        charm.start(main)
        """
    future = """
            elements.give(future := Future())
            raises("broken", ArithmeticError, future.get, "cannot combine")
            elements.mixed(future := Future())
            raises("mixed", Exception, future.get)
            done()
    """
    holds(program % future.strip(), n)
    fails(program % "elements.give(elements[0].hear)", n, "ArithmeticError: cannot combine", "broken")


@pytest.mark.parametrize("n", (None, 2))
def test_a_reducer_cannot_wait(n: int | None) -> None:
    """§3.4: it runs inside the runtime, whoever gave the last part; a coroutine of that place does not wait for it."""
    holds(
        """
        def waits(contributions):
            return Future().get(timeout=5)
        def waits_after(contributions):
            return 1
        Reducer.addReducer(waits)
        Reducer.addReducer(waits_after, post=waits)

        class Slow:
            def __radd__(self, other):
                return Future().get(timeout=5)

        class E(Chare):
            @coro
            def give(self, target, value, name):
                self.reduce(target, value, getattr(Reducer, name))

        def main(args):
            proxies = {"single": Chare(E), "group": Group(E), "array": Array(E, 5)}
            for kind, proxy in proxies.items():
                for value, name in ((1, "waits"), (1, "waits_after"), (Slow(), "sum")):
                    proxy.give(future := Future(), value, name)
                    raises(f"{kind} {name}", "NotThreadedError", future.get)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_chares_destroyed_while_they_contribute(n: int | None) -> None:
    """§9: pickling and `pre` are code that may wait; a chare that was destroyed meanwhile contributes nothing."""
    holds(
        """
        def pause(value, contributor):
            charm.sleep(0.1)
            return value
        def total(contributions):
            return sum(contributions)
        Reducer.addReducer(total, pre=pause)

        class Slow:
            def __reduce__(self):
                charm.sleep(0.1)
                return int, (1,)

        class E(Chare):
            @coro
            def give(self, how, told):
                try:
                    if how == "reduce":
                        self.reduce(Future(), Slow(), Reducer.gather)
                    elif how == "contribute":
                        self.contribute(1, Reducer.total, Future())
                    else:
                        self.allreduce(Slow(), Reducer.gather)
                    told.send("no error")
                except Exception as error:
                    told.send(f"{type(error).__name__}: {error}")

        def main(args):
            for make in (lambda: Group(E), lambda: Array(E, 3), lambda: Chare(E, onPE=charm.numPes() - 1)):
                for how in ("reduce", "contribute", "allreduce"):
                    proxy, told = make(), Future()
                    charm.awaitCreation(proxy)
                    proxy[0].give(how, told)
                    charm.sleep(0.02)
                    proxy.destroy()
                    text = told.get(timeout=30)
                    check(f"destroyed: {text}", text.startswith("Charm4PyError") and "destroyed" in text)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (2, 4))
def test_futures_that_messages_held_last(n: int) -> None:
    """Each call brings futures which nobody keeps: dropping them is the runtime's work and must not disturb it.

    (It once left the turn lent, so that the stand-in could queue a message behind the back of a PE going to sleep.)
    """
    holds(
        """
        class E(Chare):
            def give(self, futures):
                for k, future in enumerate(futures):
                    self.reduce(future, k, Reducer.sum)

        def main(args):
            elements = Array(E, 11)
            for _ in range(400):
                futures = [Future() for _ in range(40)]
                elements.give(futures)
                got = [future.get(timeout=40) for future in futures]
                if got != [11 * k for k in range(40)]:
                    eq("sums", got, [11 * k for k in range(40)])
            check("all rounds", True)
            done()

        charm.start(main)
        """,
        n,
        timeout=60,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_more_values(n: int | None) -> None:
    """10: scalars of numpy and of the standard library, shapes, objects with operators; and what cannot be reduced."""
    holds(
        """
        import array, datetime, decimal, fractions

        class Money:
            def __init__(self, v):
                self.v = v
            def __radd__(self, other):
                return Money(self.v + (other.v if isinstance(other, Money) else other))
            __add__ = __radd__
            def __mul__(self, other):
                return Money(self.v * other.v)
            def __gt__(self, other):
                return self.v > other.v
            def __eq__(self, other):
                return isinstance(other, Money) and self.v == other.v

        record = np.dtype([("a", "i4"), ("b", "f8")])
        day = lambda i: datetime.date(2020, 1, 1 + i)
        CASES = [
            ("sum", lambda i: np.float32(i), np.float32(15)), ("max", lambda i: np.int16(i), np.int16(5)), ("sum", lambda i: np.float16(0.5), np.float16(3)),
            ("logical_or", lambda i: np.bool_(i == 3), np.bool_(True)), ("sum", lambda i: np.array(i), np.array(15)), ("sum", lambda i: True, 6),
            ("max", lambda i: i > 2, True), ("product", lambda i: True, 1), ("logical_and", lambda i: i, False), ("logical_or", lambda i: i, True),
            ("product", lambda i: np.complex64(1j), np.complex64(-1)), ("sum", lambda i: np.longdouble(i), np.longdouble(15)),
            ("max", day, day(5)), ("min", lambda i: datetime.datetime(2020, 1, 1 + i), datetime.datetime(2020, 1, 1)),
            ("max", lambda i: np.array(["2020-01-0%d" % (i + 1)], "M8[D]"), np.array(["2020-01-06"], "M8[D]")),
            ("sum", lambda i: np.array([i], "m8[s]"), np.array([15], "m8[s]")), ("sum", lambda i: decimal.Decimal(i), decimal.Decimal(15)),
            ("product", lambda i: fractions.Fraction(i + 1), fractions.Fraction(720)), ("max", lambda i: bytes([i]), bytes([5])),
            ("sum", lambda i: Money(i), Money(15)), ("max", lambda i: Money(i), Money(5)), ("product", lambda i: Money(i + 1), Money(720)),
            ("logical_or", lambda i: set(), False), ("sum", lambda i: i if i else 0.5, 15.5), ("sum", lambda i: 2**63 - 1, 6 * (2**63 - 1)),
            ("sum", lambda i: np.array([2**80, 1], object), np.array([6 * 2**80, 6], object)), ("sum", lambda i: [1, 2.5], np.array([6.0, 15.0])),
            ("sum", lambda i: [True, False], np.array([6, 0])), ("max", lambda i: (1, i), np.array([1, 5])), ("sum", lambda i: [], np.zeros(0)),
            ("sum", lambda i: array.array("b", [i, 1]), np.array([15, 6], "i1")), ("max", lambda i: array.array("f", [i, 0.5]), np.array([5, 0.5], "f4")),
            ("sum", lambda i: np.zeros((3, 0), "f4"), np.zeros((3, 0), "f4")), ("min", lambda i: float("-inf") if i == 2 else float(i), float("-inf")),
        ]
        REFUSED = [  # reducer, contribution, words
            ("sum", lambda i: np.zeros(2 + (i == 3)), ("(2,)", "(3,)")), ("max", lambda i: np.zeros((2, 3) if i else (3, 2)), ("(2, 3)", "(3, 2)")),
            ("sum", lambda i: [1] * (1 + (i == 2)), ("(1,)", "(2,)")), ("sum", lambda i: "a", ("str",)), ("sum", lambda i: ["a"], ("list",)),
            ("sum", lambda i: None, ("NoneType",)), ("sum", lambda i: {}, ("dict",)), ("max", lambda i: 1j * i, ("complex",)),
            ("sum", lambda i: np.zeros(2, record), ("add",)), ("max", lambda i: np.zeros(2, record), ("maximum",)), ("sum", lambda i: np.array(["a"]), ("add",)),
        ]

        class E(Chare):
            def give(self, table, k, target):
                reducer, make, _ = globals()[table][k]
                self.reduce(target, make(self.thisIndex[0]), getattr(Reducer, reducer))

        def main(args):
            elements = Array(E, 6)
            for k, (reducer, make, want) in enumerate(CASES):
                elements.give("CASES", k, future := Future())
                eq(f"{reducer} of {make(1)!r:.60}", future.get(), want)
            for k, (reducer, make, words) in enumerate(REFUSED):
                elements.give("REFUSED", k, future := Future())
                refused(f"{reducer} of {make(1)!r:.60}", future.get, *words)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize(("n", "who"), [(1, "self.thisIndex[0] == 3"), (2, "charm.myPe() == 1")])
def test_elements_that_pass_different_reducers_end_the_job(n: int, who: str) -> None:
    fails(
        f"""
        class E(Chare):
            def give(self, target):
                self.reduce(target, 1, Reducer.max if {who} else Reducer.sum)
        def main(args):
            Array(E, 6).give(future := Future())
            print(future.get())
        charm.start(main)
        """,
        n,
        "different reducers",
        "E",
    )
