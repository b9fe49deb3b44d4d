"""§13, §4.3: elements of arrays move, by migrate(), while all else goes on: what moves with them, what does not notice."""

from __future__ import annotations

import textwrap

import pytest
from harness import PES, Result, fails, holds, run

ALL = (None, *PES)
SEVERAL = tuple(n for n in PES if n > 1)

# Where an element is, and what it has seen.
BASE = """
from chariot import charm, Chare
from checks import eq

class Base(Chare):
    def __init__(self, *args):
        self.seen = [("init", charm.myPe())]
        self.args = args
    def migrated(self):
        self.seen.append(("migrated", charm.myPe()))
    def where(self):
        return charm.myPe()
    def what(self):
        return self.seen

def moved(element, to):
    element.migrate(to, awaitable=True).get()
    eq("where it has moved to", element.where(ret=True).get(), int(to))
    return element

def other(pe):
    return (pe + 1) % charm.numPes()
"""


def job(text: str, n: int | None, check=holds, *words: str, **how: object) -> Result:
    program = "from base import Base, moved, other\n" + textwrap.dedent(text)
    return check(program, n, *words, files={"base.py": BASE}, **how)


@pytest.mark.parametrize("n", ALL)
def test_state(n: int | None) -> None:
    """§13 "pickled __dict__ (user __getstate__/__setstate__ respected)"; §4.3 migrated(): the constructor is not run."""
    job(
        """
        import array, threading, weakref
        from types import SimpleNamespace

        class Plain(Base):
            def __init__(self):
                super().__init__()
                self.text, self.number, self.nothing = "a\\u00e9", 2**80, None
                self.shared = [1, 2]
                self.also = {"same": self.shared}
                self.me, self.call = self, self.twice
                self.space = SimpleNamespace(owner=self, shared=self.shared)
                self.numbers = np.arange(12.0).reshape(3, 4).T
                self.large = np.arange(200_000)
                self.typed = array.array("i", [1, 2, 3])
                self.proxy, self.element, self.bound = self.thisProxy, self.thisProxy[self.thisIndex], self.thisProxy.what
                self.by_lambda = lambda k: k + len(self.shared)
                self.__dict__["hidden"] = 5
                self.setMigratable(False)
            @property
            def hidden(self):
                return "the property"
            def __setattr__(self, name, value):
                assert getattr(self, "seen", [0])[-1] != "frozen"
                object.__setattr__(self, name, value)
            def twice(self, x):
                return 2 * x
            def look(self):
                self.shared.append(len(self.shared))
                self.numbers[0, 0] += 1
                self.large[0] += 1
                same = (self.also["same"] is self.shared, self.space.shared is self.shared, self.me is self,
                        self.space.owner is self, self.call.__self__ is self)
                return (self.text, self.number, self.nothing, len(self.shared), same, self.numbers.flags.f_contiguous,
                        float(self.numbers.sum()), int(self.large.sum()), self.typed.tolist(), self.call(4), self.by_lambda(1),
                        self.proxy == self.thisProxy, self.element == self.thisProxy[self.thisIndex],
                        self.bound == self.thisProxy.what, self.thisIndex, self.hidden, self.__dict__["hidden"],
                        self.migratable)

        class Slots(Base):
            __slots__ = ("a", "_Slots__b", "empty")
            def __init__(self):
                super().__init__()
                self.a, self.__b = 1, [2]
            def look(self):
                return self.a, self.__b, hasattr(self, "empty"), len(self.__dict__)

        class Own(Base):
            def __init__(self):
                super().__init__()
                self.lock, self.kept = threading.Lock(), [4]
            def __getstate__(self):
                return {"kept": self.kept, "seen": self.seen}
            def __setstate__(self, state):
                self.__dict__.update(state)
                self.lock = threading.Lock()
                self.seen.append(("setstate", self.thisIndex, charm.myPe()))
            def look(self):
                return self.kept, self.lock.acquire(False)

        class Half(Base):  # without __setstate__: what __getstate__ gives is the new __dict__
            def __getstate__(self):
                return {"half": True, "seen": self.seen, "ready": not hasattr(self, "half")}
            def look(self):
                return sorted(self.__dict__)

        class Nothing(Base):
            def __getstate__(self):
                return None
            def migrated(self):
                self.seen = []
            def look(self):
                return sorted(self.__dict__)

        def main(args):
            n = charm.numPes()
            made = {c.__name__: Array(c, 3) for c in (Plain, Slots, Own, Half, Nothing)}
            first = {name: a[1].look(ret=True).get() for name, a in made.items()}
            for i in range(1, 2 * n + 1):
                home = made["Own"][1].where(ret=True).get()
                for a in made.values():
                    moved(a[1], other(home))
            text, number, nothing, count, *rest = made["Plain"][1].look(ret=True).get()
            eq("plain", (text, number, nothing, count), ("a\\u00e9", 2**80, None, 4))
            eq("plain, the rest", rest, [
                (True,) * 5, True, 66.0 + 2, 200_000 * 199_999 // 2 + 2, [1, 2, 3], 8, 5, True, True, True, (1,),
                "the property", 5, False])
            eq("slots", made["Slots"][1].look(ret=True).get(), (1, [2], False, 2))
            eq("own", made["Own"][1].look(ret=True).get(), ([4], n > 1))
            eq("half", made["Half"][1].look(ret=True).get(), sorted(["half", "ready", "seen"]) if n > 1 else ["args", "seen"])
            eq("nothing", made["Nothing"][1].look(ret=True).get(), ["seen"] if n > 1 else ["args", "seen"])
            seen = made["Slots"][1].what(ret=True).get()
            eq("one constructor", [what for what, _ in seen].count("init"), 1)
            if n > 1:
                eq("migrated() each time", len(seen), 1 + 2 * n)
                own = made["Own"][1].what(ret=True).get()
                eq("__setstate__, then migrated", [s[0] for s in own], ["init"] + ["setstate", "migrated"] * (2 * n))
                check("thisIndex in __setstate__", all(s[1] == (1,) for s in own if s[0] == "setstate"))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_nobody_notices(n: int | None) -> None:
    """§13 "messages, broadcasts and reductions keep working during migration": results as without it, in order."""
    job(
        """
        class Cell(Base):
            def __init__(self):
                super().__init__()
                self.calls, self.casts, self.sums = [], [], []
            def call(self, i, away):
                self.calls.append(i)
                if away:
                    self.migrate((charm.myPe() + i) % charm.numPes())
                return i
            def cast(self, i):
                self.casts.append(i)
                if i % 3 == self.thisIndex[0] % 3:
                    self.migrate((charm.myPe() + 1 + i) % charm.numPes())
                return self.thisIndex[0], i
            def add(self, i, done):
                self.reduce(done, np.array([i, 1]), Reducer.sum)
                if (i + self.thisIndex[0]) % 2:
                    self.migrate((charm.myPe() + 1) % charm.numPes())
            def keep(self, future, there):
                self.future, self.own = future, self.thisProxy[self.thisIndex].call(-1, False, ret=True)
                self.migrate(there)
            @coro
            def use(self):
                got = self.own.get()
                self.future.send(self.thisIndex[0])
                return got
            async def use_async(self):
                return (await self.own) + (await self.thisProxy[(self.thisIndex[0] + 1) % 6].where(ret=True) >= 0)
            @coro
            def all(self, i):
                self.sums.append(self.allreduce(self.thisIndex[0] * i, Reducer.sum).get())
                if i % 2 == 0:
                    self.migrate((charm.myPe() + 1) % charm.numPes())
            def logs(self):
                return self.calls, self.casts, self.sums
            def made(self, proxy):
                return proxy == self.thisProxy, self.thisProxy[self.thisIndex] == proxy[self.thisIndex]

        def main(args):
            n, size, rounds = charm.numPes(), 6, 20
            cells = Array(Cell, size)
            alone = [cells[i].call(k, k % 4 == 0, ret=True) for k in range(rounds) for i in range(size)]
            eq("calls", [f.get() for f in alone], [k for k in range(rounds) for i in range(size)])
            for k in range(rounds):
                eq("a broadcast", cells.cast(k, ret=True).get(), [(i, k) for i in range(size)])
            casts = [cells.cast(k, ret=True) for k in range(rounds, 2 * rounds)]  # all under way at once
            eq("broadcasts", [f.get() for f in casts], [[(i, k) for i in range(size)] for k in range(rounds, 2 * rounds)])
            sums = [Future() for _ in range(rounds)]
            for k in range(rounds):
                cells.add(k, sums[k])
            eq("reductions", [f.get().tolist() for f in sums], [[size * k, size] for k in range(rounds)])
            kept = [Future() for _ in range(size)]
            charm.wait([cells[i].keep(kept[i], (i + 1) % n, awaitable=True) for i in range(size)])
            eq("futures of their own", cells.use(ret=True).get(), [-1] * size)
            eq("futures of another PE", [f.get() for f in kept], list(range(size)))
            eq("async def", cells.use_async(ret=True).get(), [0] * size)
            for k in range(4):
                cells.all(k, awaitable=True).get()
            eq("allreduce", cells.logs(ret=True).get(), [
                (list(range(rounds)) + [-1], list(range(2 * rounds)), [15 * k for k in range(4)])] * size)
            eq("proxies", cells.made(cells, ret=True).get(), [(True, True)] * size)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_nothing_reaches_it_where_it_was(n: int | None) -> None:
    """§4.3 migrate(): who calls an element that has been told to move, however often and from wherever, calls it where it
    was told to go, also when its last move is hardly over."""
    job(
        """
        from chariot import when

        class Mover(Base):
            def go(self, to):
                self.migrate(to)
            @when("to >= 0")
            def gated_go(self, to):
                self.migrate(to)
            def go_and_tell(self, to, future):
                self.migrate(to)
                self.reduce(future)
            def go_and_mark(self, to, future):
                self.migrate(to)
                future.send(None)

        class Asker(Chare):
            def __init__(self, movers, rounds):
                self.movers, self.rounds = movers, rounds
            @coro
            def ask(self):
                n, movers, one = charm.numPes(), self.movers, self.movers[1]
                pair = charm.split(movers, 1, elems=[[(1,), (3,)]])[0]
                for k in range(self.rounds):
                    moved(one, k % n)
                    one.go(k * 3 % n)
                    eq("one, sent before", one.where(ret=True).get(), k * 3 % n)
                    one.go(other(k * 3 % n)), one.go(k * 5 % n), one.gated_go(k * 3 % n)
                    eq("one, told again and again", one.where(ret=True).get(), k * 3 % n)
                    movers.go(other(k % n)), movers.go(k * 5 % n)
                    eq("all, told again", movers.where(ret=True).get(), [k * 5 % n] * 5)
                    marked = Future()
                    one.go_and_mark(k * 5 % n, marked), marked.get()
                    eq("one, which has said so", one.where(ret=True).get(), k * 5 % n)
                    movers.go(k * 7 % n, awaitable=True).get()
                    eq("all", movers.where(ret=True).get(), [k * 7 % n] * 5)
                    reduced = Future()
                    movers.go_and_tell(k % n, reduced), reduced.get()
                    eq("all, which have said so", movers.where(ret=True).get(), [k % n] * 5)
                    eq("two", pair.where(ret=True).get(), [k % n] * 2)
                    pair.go(k * 3 % n, awaitable=True).get()
                    eq("those two", pair.where(ret=True).get(), [k * 3 % n] * 2)
                    eq("one of them", one.where(ret=True).get(), k * 3 % n)

        def main(args):
            movers = Array(Mover, 5)
            for pe in range(charm.numPes()):
                Chare(Asker, args=[movers, 40], onPE=pe).ask(awaitable=True).get()
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_whoever_moves_on_at_once(n: int | None) -> None:
    """§13 "messages, broadcasts and reductions keep working during migration", "refused: live coroutines": what comes for
    an element that has called migrate(), and begins a coroutine, is no error: it moves when that has ended."""
    job(
        """
        from chariot import when

        class Hopper(Base):
            def __init__(self):
                super().__init__()
                self.left, self.log, self.hops = 0, [], 0
            def migrated(self):
                self.hops += 1
                self.go()
            def hop(self, count):
                self.left = count
                self.go()
            def go(self):
                if self.left > 0:
                    self.left -= 1
                    self.migrate(other(charm.myPe()))
            @coro
            def far(self, k):  # waits for another PE
                self.log.append(k)
                return k + keeper.keep(k, ret=True).get()
            async def far_async(self, k):
                self.log.append(k)
                return k + await keeper.keep(k, ret=True)
            @coro
            def near(self, k):  # waits for itself
                self.log.append(k)
                return k + self.thisProxy[self.thisIndex].same(k, ret=True).get()
            def same(self, k):
                return k
            @when("self.left == 0 or k >= 0")
            def gated(self, k):
                self.log.append(k)
                return k
            def timed(self, future, to):
                charm.scheduleCallableAfter(self.late, 0, [future])
                self.migrate(to)
            @coro
            def late(self, future):
                future.send(keeper.keep(7, ret=True).get())
            def logged(self):
                return self.log
            def hopped(self):
                return self.hops

        class Roamer(Base):  # until it is told to stop
            def __init__(self):
                super().__init__()
                self.stopped = False
            def migrated(self):
                self.roam()
            def roam(self):
                if not self.stopped:
                    self.migrate(other(charm.myPe()))
            def stop(self):
                self.stopped = True

        class Keeper(Chare):
            def keep(self, k):
                return k

        def main(args):
            global keeper
            n, size, rounds = charm.numPes(), 4, 12
            keeper = Chare(Keeper, onPE=n - 1)
            charm.thisProxy.updateGlobals({"keeper": keeper}, awaitable=True).get()
            hoppers = Array(Hopper, size)
            pair = charm.split(hoppers, 1, elems=[[(0,), (2,)]])[0]
            hops = 0
            for k in range(rounds):
                hoppers.hop(1 + k % 5, awaitable=True).get()  # all are on their way, and none rests
                hops += 1 + k % 5
                asked = [(hoppers.far(k, ret=True), [2 * k] * size), (hoppers.far_async(k, ret=True), [2 * k] * size),
                         (pair.far(k, ret=True), [2 * k] * 2), (hoppers.gated(k, ret=True), [k] * size),
                         (hoppers.near(k, ret=True), [2 * k] * size)]
                asked += [(hoppers[i].far(k, ret=True), 2 * k) for i in range(size)]
                for future, expected in asked:
                    eq("a result", future.get(), expected)
                while n > 1 and hoppers.hopped(ret=True).get() != [hops] * size:
                    pass
            for i, log in enumerate(hoppers.logged(ret=True).get()):
                eq("each once", sorted(log), [k for k in range(rounds) for _ in range(6 if i in (0, 2) else 5)])
            for k in range(5):
                late, there = Future(), k % n
                hoppers[1].timed(late, there, awaitable=True).get()
                eq("a timer's", late.get(), 7)
                while hoppers[1].where(ret=True).get() != there:
                    pass
            roamers = Array(Roamer, size)
            roamers.roam(awaitable=True).get()
            roamers[0].stop(awaitable=True).get()
            roamers.stop(awaitable=True).get()
            check("all are somewhere", all(pe < n for pe in roamers.where(ret=True).get()))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_calls_that_wait_for_conditions(n: int | None) -> None:
    """§13 "incl. buffered when messages", §8 "buffered messages migrate with the chare": arguments, keywords, replies,
    order; what they share with the state; conditions that hold where they arrive."""
    job(
        """
        from chariot import when

        class Gate(Base):
            def __init__(self):
                super().__init__()
                self.open, self.step, self.log, self.mine = False, 0, [], []
            @when("self.open")
            def shared(self, i, *rest, key=0):
                self.log.append((i, rest, key))
                return i
            @when("self.step == step")
            def tag(self, step, what):
                self.step += 1
                return step, what, charm.myPe()
            @when("x < self.step and charm.myPe() == pe")
            def each(self, x, pe, array):
                return float(array.sum()), charm.myPe()
            @when("self.open")
            async def later(self, i):
                return i + (await self.thisProxy[self.thisIndex].where(ret=True)) * 0
            @when("self.open")
            def same(self):
                return self.mine[0] is self.mine[1]
            def local(self):
                self.thisProxy[self.thisIndex].borrow(self.mine)
            @when("self.open")
            def borrow(self, mine):
                self.log.append(("the same", mine is self.mine))
            def set(self, **values):
                self.__dict__.update(values)
            def logged(self):
                return self.log

        def main(args):
            n = charm.numPes()
            gates = Array(Gate, 2)
            for g in (gates[0], gates[1]):
                for local in range(2):
                    home = g.where(ret=True).get()
                    tags = [g.tag(k, str(k), ret=True) for k in (3, 2, 1)]
                    each = g.each(3, other(home), np.ones(1000), ret=True)
                    results = [g.shared(k, k + 1, key=k, ret=True) for k in range(5)] + [g.later(5, ret=True)]
                    failing = g.shared(ret=True, key=1, i=9)
                    g.local(awaitable=True).get()
                    moved(g, other(home))
                    g.set(open=True, step=1)
                    eq("SHARED", [f.get() for f in results], [0, 1, 2, 3, 4, 5])
                    eq("TAG", [f.get() for f in tags], [(k, str(k), other(home)) for k in (3, 2, 1)])
                    eq("EACH", each.get(), (1000.0, other(home)))
                    eq("named", failing.get(), 9)
                    eq("order", g.logged(ret=True).get(),
                       [(k, (k + 1,), k) for k in range(5)] + [(9, (), 1), ("the same", True)])
                    g.set(open=False, step=0, log=[])
            waiting = gates.shared(7, awaitable=True)  # a broadcast, that ends elsewhere than where it came
            for i in range(2):
                moved(gates[i], n - 1)
            check("waits", not waiting.ready())
            gates.set(open=True)
            waiting.get()
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_refusals(n: int | None) -> None:
    """§13 "refused: live coroutines", §0 argument checks, §4.3 "array elements only": text, type; it stays, whole."""
    job(
        """
        class Busy(Base):
            @coro
            def waits(self, future):
                return future.get()
            async def awaits(self, future):
                return await future
            @coro
            def until(self):
                self.wait("getattr(self, 'go', False)")
                return "gone on"
            def set(self, go):
                self.go = go
            def go_to(self, pe):
                self.migrate(pe)
            @coro
            def last(self, pe):  # a coroutine may, where it ends with that
                self.where2 = self.thisProxy[self.thisIndex].where(ret=True).get()
                self.migrate(pe)
            def own(self, name, *args, **named):
                return getattr(self, name)(*args, **named)

        class Made(Base):
            def __reduce__(self):
                return Made, ()

        class Cell(Base):
            pass

        def main(args):
            n = charm.numPes()
            a, group, single = Array(Busy, 2), Group(Cell), Chare(Cell)
            to = other(a[1].where(ret=True).get())
            for start, words in (
                (lambda f: a[1].waits(f, ret=True), ("Busy.waits() waits for a future",)),
                (lambda f: a[1].awaits(f, ret=True), ("Busy.awaits() waits for a future",)),
            ):
                f = Future()
                result = start(f)
                error = raises("coroutines", "Charm4PyError", lambda: a[1].migrate(to, awaitable=True).get(),
                               "Busy[1] cannot move while coroutines of it have not ended", *words)
                raises("and inside", "Charm4PyError", lambda: a[1].go_to(to, awaitable=True).get(), *words)
                f.send(4)
                eq("goes on", result.get(), 4)
            result = a[1].until(ret=True)
            raises("wait()", "Charm4PyError", lambda: a[1].migrate(to, awaitable=True).get(),
                   "Busy.until() waits for the condition ")
            a[1].set(True)
            eq("goes on", result.get(), "gone on")
            many = Future()
            for _ in range(5):
                a[1].waits(many)
            raises("many", "Charm4PyError", lambda: a[1].migrate(to, awaitable=True).get(), "; ...")
            many.send(1)
            a[1].where(ret=True).get()
            moved(a[1], to)
            a[1].last(other(to), awaitable=True).get()
            while a[1].where(ret=True).get() != other(to):
                pass
            for what, proxy, kind in (("a group", group[0], "arrays"), ("a single chare", single, "arrays")):
                raises(what, "Charm4PyError", lambda: proxy.migrate(0, awaitable=True).get(), "Cell cannot move", kind)
            made = Array(Made, 1)
            raises("__reduce__", "Charm4PyError", lambda: made[0].migrate(0, awaitable=True).get(), "__getstate__()")
            for bad in (n, -1, 2**70):
                raises("range", ValueError, lambda: a[0].migrate(bad, awaitable=True).get(), "migrate(): toPe", str(bad))
            for bad in ("1", 1.0, None, a):
                raises("no number", TypeError, lambda: a[0].own("migrate", bad, ret=True).get(), "must be an integer")
            raises("none", TypeError, lambda: a[0].migrate(), "toPe")
            raises("more", TypeError, lambda: a[0].migrate(1, 2))
            raises("named", TypeError, lambda: a[0].migrate(to=1), "to")
            moved(a[0], 0).migrate(toPe=n - 1, awaitable=True).get()
            check("a numpy integer", moved(a[0], np.int64(n - 1)) is not None)
            raises("migrated() is no remote method", AttributeError, lambda: a[0].migrated, "migrated")
            raises("sent", "Charm4PyError", lambda: Base().migrate(0), "no chare")
            done()

        charm.start(main)
        """,
        n,
    )


# A failure after migrate() has returned: what is said of it, and that it ends the job.
STATE = """
    import threading
    from types import SimpleNamespace

    class Cell(Base):
        def __init__(self):
            super().__init__()
            self.fine = [1, 2]
        def put(self, how):
            exec(how)
            self.migrate(other(charm.myPe()))
        @coro
        def waits(self):
            self.migrate(other(charm.myPe()))
            Future().get()
        def migrated(self):
            if hasattr(self, "fails"):
                raise KeyError("on arrival")
    class Gives(Cell):
        def __getstate__(self):
            return {"a": [self.bad]} if hasattr(self, "bad") else 1 / 0
    class Takes(Cell):
        def __setstate__(self, state):
            raise LookupError("no such state")
    class Wrong(Cell):
        def __getstate__(self):
            return 5

    def main(args):
        array = Array(globals()[args[1]], (2, 2))
        array[1, 0].where(ret=True).get()
        HOW
    charm.start(main)
"""


@pytest.mark.parametrize(
    "name, how, words",
    [
        ("Cell", "put('self.lock = threading.Lock()')", ("Cell[1, 0].migrate()", "Cell[1, 0] cannot move", "self.lock (of type lock)")),
        (
            "Cell",
            "put('self.a = {1: [0, SimpleNamespace(x=(0, threading.Lock()))]}')",
            ("Cell[1, 0].migrate()", "self.a[1][1].x[1] (of type lock)", "cannot pickle '_thread.lock' object", "__getstate__"),
        ),
        ("Cell", "put('self.f = (lambda l: lambda: l)(threading.Lock())')", ("self.f (its variable l) (of type lock)",)),
        ("Cell", "put('self.one = array = self; self.fails = 1')", ("PE", "Cell.migrated(): ", "KeyError: 'on arrival'")),
        ("Cell", "waits()", ("Cell[1, 0].migrate()", "Cell[1, 0] cannot move while coroutines", "Cell.waits() waits for a future")),
        ("Gives", "put('')", ("Gives[1, 0].migrate()", "ZeroDivisionError", "__getstate__")),
        ("Gives", "put('self.bad = threading.Lock()')", ("what __getstate__() gave['a'][0] (of type lock)",)),
        ("Takes", "put('')", ("Takes[1, 0].__setstate__()", "LookupError: no such state")),
        ("Wrong", "put('')", ("Wrong[1, 0].__setstate__()", "TypeError: __getstate__() gave int")),
        ("Cell", "put('self.other = Cell()')", ("self.other (of type Cell)", "a chare lives on one PE", "proxy")),
    ],
)  # fmt: skip
def test_failures_after_migrate_has_returned(name: str, how: str, words: tuple[str, ...]) -> None:
    """§4.3, §0 "never AssertionError", §3.1 uncaught exceptions: PE, class, index; which part of the state."""
    job(STATE.replace("HOW", f"array[1, 0].{how}"), 2, fails, "PE ", *words, status=1, args=[name])


@pytest.mark.parametrize("n", ALL)
def test_channels(n: int | None) -> None:
    """§13, §11 "channels migrate with the chare": unread messages, several channels, one to itself; half-open ones."""
    job(
        """
        from types import SimpleNamespace

        class End(Base):
            def __init__(self, size):
                super().__init__()
                self.size, self.got = size, []
                i = self.thisIndex[0]
                self.next = Channel(self, self.thisProxy[(i + 1) % size])
                self.box = SimpleNamespace(before=Channel(self, self.thisProxy[(i - 1) % size]), also=self.next)
                self.own = [Channel(self, self.thisProxy[i])]
                self.spare = Channel(self, self.thisProxy[i], local=self.thisProxy[i])
                del self.spare
            def send(self, k, go):
                self.next.send(k, np.full(10, k))
                self.own[0].send(k)
                if go:
                    self.migrate((charm.myPe() + k) % charm.numPes())
            @coro
            def take(self, count):
                for _ in range(count):
                    k, array = self.box.before.recv()
                    self.got.append((k, int(array.sum()), self.own[0].recv()))
                self.migrate((charm.myPe() + 1) % charm.numPes())
            async def take_async(self):
                k, array = await self.box.before.recv()
                self.got.append((k, int(array.sum()), await self.own[0].recv()))
            def end(self):
                return self.got, self.box.also is self.next, repr(self.next.remote if hasattr(self.next, "remote") else "")[:6]

        class Half(Base):
            def open(self, to):
                self.ends = [Channel(self, to) for _ in range(2)]
                self.ends[0].send("first")
                self.migrate((charm.myPe() + 1) % charm.numPes())
            @coro
            def ask(self):
                self.ends[1].send("second")
                return self.ends[0].recv()

        class Partner(Chare):
            @coro
            def meet(self, other):
                ends = [Channel(self, other) for _ in range(2)]
                ends[0].send(ends[0].recv() + "!")
                return ends[1].recv()
            def take(self, end):
                pass

        def main(args):
            n, size, rounds = charm.numPes(), 4, 12
            ends = Array(End, size, args=[size])
            for k in range(rounds):
                charm.wait([ends[i].send(k, k % 3 != 2, awaitable=True) for i in range(size)])
                if k % 4 == 3:
                    ends.take(3, awaitable=True).get()
                    ends.take_async(awaitable=True).get()
            want = [(k, 10 * k, k) for k in range(rounds)]
            for got, shared, _ in ends.end(ret=True).get():
                eq("in order, once", got, want)
                check("one Channel in two places", shared)
            half, partner = Array(Half, 1), Chare(Partner, onPE=n - 1)
            half[0].open(partner, awaitable=True).get()
            met = partner.meet(half[0], ret=True)
            eq("half-open", half[0].ask(ret=True).get(), "first!")
            eq("the other", met.get(), "second")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_futures_in_the_state(n: int | None) -> None:
    """§13 "futures held in state": of its own and of other PEs, ready or not, also when nobody else holds them."""
    job(
        """
        class Holder(Base):
            def answer(self, x):
                return [x] if x % 50 else {"x": lambda: x}  # by reference, where it is here
            def ask(self, count, theirs):
                me = self.thisProxy[self.thisIndex]
                self.theirs, self.count = theirs, count
                self.old = [me.answer(k, ret=True) for k in range(count)]
            @coro
            def make(self, more):  # what was asked for has come by now
                self.ready = [f.ready() for f in self.old]
                self.late = [Future() for _ in range(5)] + more
                self.many = Future(3)
                self.many.send(0)
                self.dict = {"f": self.late[0], "again": self.late[0]}
            def migrated(self):
                super().migrated()
                if not hasattr(self, "late"):
                    return
                now = [f.ready() for f in self.old]
                if any(was and not is_ for was, is_ in zip(self.ready, now)):
                    self.seen.append("a future was ready, and is not")
                self.seen.append(self.old[1].get())  # no coroutine: it need not wait
            def handles(self):
                return self.late, self.many
            @coro
            def use(self):
                got = [f.get() for f in self.old]
                return ([g["x"]() if isinstance(g, dict) else g[0] for g in got], [f.get() for f in self.late],
                        sorted(self.many.get()), [f.get() for f in self.theirs], self.dict["f"] == self.dict["again"])

        def main(args):
            n, count = charm.numPes(), 200
            array = Array(Holder, 3)
            for pe in range(n):
                moved(array[1], pe)
                theirs = [Future() for _ in range(4)]
                theirs[0].send("there")
                array[1].ask(count, theirs, awaitable=True).get()
                charm.waitQD()
                more = [Future()]
                array[1].make(more, awaitable=True).get()
                charm.waitQD()
                for hop in range(n):
                    moved(array[1], (pe + hop) % n)
                late, many = array[1].handles(ret=True).get()
                moved(array[1], other(pe))
                theirs[1].send("sent"), many.send(2), late[2].send(2)
                moved(array[1], pe)
                for k, f in enumerate(late):
                    if k != 2: f.send(k)
                many.send(1), theirs[2].send([5]), theirs[3].send(None)
                eq("values", array[1].use(ret=True).get(),
                   (list(range(count)), [0, 1, 2, 3, 4, 5], [0, 1, 2], ["there", "sent", [5], None], True))
                seen = array[1].what(ret=True).get()
                check("what was ready stays ready", "a future was ready, and is not" not in seen)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_who_holds_the_object_elsewhere(n: int | None) -> None:
    """§13: timers, weak references, callbacks and threads that hold the object where the element was."""
    job(
        """
        import functools, gc, weakref
        from chariot import when
        kept, weak = [], []

        class Cell(Base):
            def __init__(self):
                super().__init__()
                self.ticks, self.go, self.waited = [], False, []
            def start(self, to):
                kept.append(self)
                weak.append(weakref.ref(self))
                charm.scheduleCallableAfter(self.tick, 0.05, ["plain"])
                charm.scheduleCallableAfter(self.tick_coro, 0.05, ["coro"])
                charm.scheduleCallableAfter(self.tick_async, 0.05, ["async"])
                charm.scheduleCallableAfter(self.thisProxy[self.thisIndex].tick, 0.05, ["proxy"])
                charm.scheduleCallableAfter(functools.partial(self.tick, what="partial"), 0.05)
                charm.scheduleCallableAfter(functools.partial(coro(functools.partial(self.tick_coro, "partial coro"))), 0.05)
                self.migrate(to)
            def tick(self, what):
                self.ticks.append((what, charm.myPe()))
            @coro
            def tick_coro(self, what):
                charm.sleep(0)
                self.tick(what)
            async def tick_async(self, what):
                await charm.sleep(0)
                self.tick(what)
            def get(self):
                return sorted(self.ticks)
            @when("self.go")
            def waits(self):
                self.waited.append(1)
            def set_go(self):
                self.go = True
            def later(self):
                charm.scheduleCallableAfter(functools.partial(self.set_go), 0.01)
            def has_waited(self):
                return self.waited
            @coro
            def hold(self):  # a timer's coroutine is the chare's as well
                charm.scheduleCallableAfter(functools.partial(self.long), 0)
            @coro
            def long(self):
                self.f = Future()
                self.f.get()
            def release(self):
                self.f.send()

        class Look(Chare):
            def look(self):
                old = kept[0]
                said = []
                for ask in (lambda: old.thisIndex, lambda: old.migrate(0), lambda: old.thisProxy, lambda: old.reduce(None)):
                    try:
                        ask()
                    except Exception as error:
                        said.append((type(error).__name__, "has moved to another PE: call it by its proxy" in str(error)))
                del old
                kept.clear()
                gc.collect()
                return said, weak[0]() is None

        def main(args):
            cells, look = Array(Cell, 2), Group(Look)
            home = cells[1].where(ret=True).get()
            to = other(home)
            cells[1].start(to, awaitable=True).get()
            ways = ("async", "coro", "partial", "partial coro", "plain", "proxy")
            while len(cells[1].get(ret=True).get()) < len(ways):
                charm.sleep(0.01)
            eq("called where it is", cells[1].get(ret=True).get(), [(way, to) for way in ways])
            said, dropped = look[home].look(ret=True).get()
            if to != home:
                eq("the old object says so", said, [("Charm4PyError", True)] * 4)
                check("and is dropped", dropped)
            waits = cells[0].waits(awaitable=True)
            cells[0].later()
            waits.get(timeout=20)
            eq("conditions are looked at after a timer's callback", cells[0].has_waited(ret=True).get(), [1])
            cells[0].hold(awaitable=True).get()
            charm.sleep(0.02)
            raises("a timer's coroutine", "Charm4PyError", lambda: cells[0].migrate(0, awaitable=True).get(), "waits for a future")
            cells[0].release(awaitable=True).get()
            raises("pool tasks", TypeError, lambda: charm.pool.map(Cell().tick, [1]) and None, "a chare lives on one PE")
            done()

        charm.start(main)
        """,
        n,
    )
