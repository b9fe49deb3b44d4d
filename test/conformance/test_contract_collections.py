"""Groups, arrays of 1 to 6 dimensions, sparse arrays, single chares; when they exist, and what creating refuses."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_groups_arrays_and_singles_of_one_class(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self, tag="none", *more):
                self.tag = tag, more
                self.index_seen = self.thisIndex
            def where(self):
                return self.thisIndex, charm.myPe(), self.tag
            def at_birth(self):
                return self.index_seen, self.thisProxy
            def types(self):
                i = self.thisIndex
                return type(i).__name__, [type(x).__name__ for x in i] if isinstance(i, tuple) else []

        def main(args):
            pes = range(charm.numPes())
            g = Group(E, args=["g", 1, 2])
            eq("group", g.where(ret=True).get(), [(pe, pe, ("g", (1, 2))) for pe in pes])
            eq("type of a group's index", g.types(ret=True).get()[0], ("int", []))
            eq("a group's default arguments", Group(E).where(ret=True).get()[0], (0, 0, ("none", ())))
            for dims in ((12,), (4, 3), (2, 3, 2), (2, 2, 2, 2), (2, 1, 2, 1, 3), (1, 2, 2, 1, 2, 2)):
                a = Array(E, dims, args=["a"])
                got = a.where(ret=True).get()
                indices = list(np.ndindex(*dims))
                eq(f"indices of {dims}", [index for index, _, _ in got], indices)
                eq(f"arguments of {dims}", {tag for _, _, tag in got}, {("a", ())})
                placed = [pe for _, pe, _ in got]
                check(f"blocks in row-major order of {dims}: {placed}", placed == sorted(placed))
                eq(f"all PEs have some of {dims}", set(placed), set(pes))
                eq(f"element of {dims}", a[indices[-1]].where(ret=True).get()[:2], (indices[-1], charm.numPes() - 1))
                eq(f"types of {dims}", a.types(ret=True).get()[0], ("tuple", ["int"] * len(dims)))
                born = a.at_birth(ret=True).get()
                eq(f"thisIndex in the constructor of {dims}", [index for index, _ in born], indices)
                check(f"thisProxy in {dims}", all(proxy == a for _, proxy in born))
            eq("dims as an int", len(Array(E, 5).where(ret=True).get()), 5)
            eq("dims as a list", len(Array(E, [2, 3]).where(ret=True).get()), 6)
            eq("fewer elements than PEs", [i for i, _, _ in Array(E, 1).where(ret=True).get()], [(0,)])
            eq("many elements", len(Array(E, 3000).where(ret=True).get()), 3000)
            for pe in pes:
                single = Chare(E, args=["s", pe], onPE=pe)
                eq("single", single.where(ret=True).get(), ((0,), pe, ("s", (pe,))))
                check("a single's thisProxy", single.at_birth(ret=True).get()[1] == single)
            check("placed by the runtime", Chare(E).where(ret=True).get()[1] in pes)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_creation_from_anywhere(n: int) -> None:
    holds(
        """
        class Leaf(Chare):
            def __init__(self, maker, tag):
                self.made = maker, tag
            def look(self):
                return self.thisIndex, self.made
            def on(self):
                return charm.myPe()

        class Maker(Chare):
            def plain(self):
                return self.make()
            @coro
            def waiting(self):
                made = self.make()
                charm.awaitCreation(*made)
                return made
            def make(self):
                args = [charm.myPe(), {"k": [1]}]
                return (Group(Leaf, args=args), Array(Leaf, (2, 3), args=args), Chare(Leaf, args=args),
                        Chare(Leaf, args=args, onPE=0))

        def main(args):
            pes = range(charm.numPes())
            makers = Group(Maker)
            results = makers.plain(ret=True).get() + makers.waiting(ret=True).get()
            for k, (group, array, single, on_zero) in enumerate(results):
                made = (k % charm.numPes(), {"k": [1]})
                eq("group", group.look(ret=True).get(), [(pe, made) for pe in pes])
                eq("array", array.look(ret=True).get(), [((i, j), made) for i in range(2) for j in range(3)])
                eq("single", single.look(ret=True).get(), ((0,), made))
                eq("single on PE 0", on_zero.on(ret=True).get(), 0)
            check("all different", len({p for made in results for p in made}) == 8 * charm.numPes())
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_sparse_arrays(n: int | None) -> None:
    holds(
        """
        class Cell(Chare):
            def __init__(self, born, tag="default"):
                self.tag, self.pings = tag, 0
                born(self.thisIndex)
            def look(self):
                return self.thisIndex, self.tag
            def on(self):
                return charm.myPe()
            def ping(self, heard):
                self.pings += 1
                heard.send((self.thisIndex, self.pings))

        class Inserter(Chare):
            def insert(self, array, born):
                for k in range(5):
                    array.ckInsert((self.thisIndex * 1000, -k), [born, f"from {self.thisIndex}"])

        def main(args):
            pes = range(charm.numPes())
            wanted = sorted((pe * 1000, -k) for pe in pes for k in range(5))
            cells = Array(Cell, ndims=2)
            born, heard = Future(len(wanted)), Future(len(wanted))
            cells.ping(heard)      # before anything exists
            Group(Inserter).insert(cells, born)
            eq("all were made", sorted(born.get()), wanted)
            cells.ckDoneInserting()
            eq("an early broadcast reaches each once", sorted(heard.get()), [(index, 1) for index in wanted])
            eq("results, sorted", cells.look(ret=True).get(), [(i, f"from {i[0] // 1000}") for i in wanted])

            line = Array(Cell, ndims=1)
            early = line[70000].look(ret=True)       # a message to what will be
            born = Future(20)
            for k in range(19):
                line.ckInsert(k * 3, args=[born], onPE=k % charm.numPes())
            line.ckInsert((70000,), args=[born, "late"])
            line.ckDoneInserting()
            eq("all at once", line.look(ret=True).get(), [((k * 3,), "default") for k in range(19)] + [((70000,), "late")])
            eq("onPE", [line[k * 3].on(ret=True).get() for k in range(19)], [k % charm.numPes() for k in range(19)])
            eq("sent before it was there", early.get(), ((70000,), "late"))
            eq("constructed once each", len(born.get()), 20)

            deep = Array(Cell, ndims=6)
            born = Future(2)
            deep.ckInsert((1, 2, 3, 4, 5, 100000), [born])
            deep.ckInsert((1, 2, 3, 4, 5, -100000), [born])
            deep.ckDoneInserting()
            eq("6-D", sorted(born.get()), [(1, 2, 3, 4, 5, -100000), (1, 2, 3, 4, 5, 100000)])
            refused("index of too few dimensions", lambda: deep.ckInsert((1, 2), [born]))
            refused("missing argument", lambda: line.ckInsert(5), "born")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_a_broadcast_right_after_creation_reaches_all_once(n: int) -> None:
    holds(
        """
        class Cell(Chare):
            def __init__(self):
                self.calls = []
            def add(self, k):
                self.calls.append(k)
            def look(self):
                return sorted(self.calls)

        def main(args):
            made = [make() for _ in range(10) for make in (lambda: Group(Cell), lambda: Array(Cell, (5, 4)))]
            for k in range(10):
                for proxy in made:
                    proxy.add(k, awaitable=k == 9)
            late = [proxy.add(10, awaitable=True) for proxy in made]
            for future in late:
                eq("nothing", future.get(), None)
            for proxy in made:
                for calls in proxy.look(ret=True).get():
                    eq("each once", calls, list(range(11)))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_await_creation(n: int | None) -> None:
    holds(
        """
        class Slow(Chare):
            @coro
            def __init__(self, gate, count):
                self.asked = 0
                count.send(self.thisIndex)
                gate.get()
                count.send(self.thisIndex)
            def ask(self):
                self.asked += 1
                return self.asked

        class AsyncSlow(Chare):
            def __init__(self, gate, count):
                count.send(self.thisIndex)

        class Watcher(Chare):
            @coro
            def wait_for(self, count, gate):
                count.get()
                gate.send()

        def main(args):
            def numbers(proxy):
                return proxy.ask(ret=True).get()

            for make, elements in ((lambda *a: Group(Slow, args=a), charm.numPes()), (lambda *a: Array(Slow, (3, 2), args=a), 6),
                                   (lambda *a: Chare(Slow, args=a), 1)):
                gate, count, opened = Future(), Future(2 * elements), Future(elements)
                proxy = make(gate, count)
                check("others are delivered while the constructor waits", numbers(proxy) in (1, [1] * elements))
                check("constructors do not end before the gate opens", not count.ready())
                gate.send()
                charm.awaitCreation(proxy)
                check("they have ended", True)
                eq("all of them", len(count.get()), 2 * elements)
                raises("awaited twice", "Charm4PyError", lambda: charm.awaitCreation(proxy))

            count = Future(2 * charm.numPes() + 7)
            g, a, s, h = (Group(AsyncSlow, args=[None, count]), Array(AsyncSlow, 6, args=[None, count]),
                          Chare(AsyncSlow, args=[None, count]), Group(AsyncSlow, args=[None, count]))
            charm.awaitCreation(g, a, s, h)
            eq("several at once", len(count.get()), 2 * charm.numPes() + 7)
            raises("not a proxy", "Charm4PyError", lambda: charm.awaitCreation(5))
            raises("copy of a proxy", "Charm4PyError", lambda: charm.awaitCreation(pickle.loads(pickle.dumps(h))))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
@pytest.mark.parametrize(
    "make",
    ["Group(Bad)", "Array(Bad, 8)", "Chare(Bad, onPE=charm.numPes() - 1)", "charm.awaitCreation(Array(Bad, 8))"],
)
def test_exception_in_a_constructor_ends_the_job(n: int, make: str) -> None:
    if n == 4 and "Array" not in make:
        pytest.skip("2 PEs are enough for this")
    result = fails(
        f"""
        class Bad(Chare):
            def __init__(self):
                last = charm.myPe() == charm.numPes() - 1
                if last and self.thisIndex in (charm.myPe(), (0,), (7,)):
                    raise KeyError("no such flavour")
        def main(args):
            {make}
        charm.start(main)
        """,
        n,
        "KeyError: 'no such flavour'",
        "Bad",
        f"PE {n - 1}",
    )
    assert result.said.count("Traceback (most recent call last)") == 1, result.said


def test_what_creation_refuses() -> None:
    holds(
        """
        class E(Chare):
            def __init__(self, a, b=2, *, c=3):
                pass

        class Free(Chare):
            def __init__(self, *args, **named):
                pass

        class NoInit(Chare):
            pass

        def main(args):
            refused("group of no chare", lambda: Group(int))
            refused("group of an object", lambda: Group(5))
            refused("array of no chare", lambda: Array(int, 3))
            refused("single of no chare", lambda: Chare(int))
            refused("the base class", lambda: Group(Chare))
            refused("neither dims nor ndims", lambda: Array(Free))
            refused("dims and ndims differ", lambda: Array(Free, (2, 3), ndims=3))
            refused("7 dimensions", lambda: Array(Free, (1,) * 7))
            refused("7 dimensions", lambda: Array(Free, ndims=7))
            for dims in ((2, -3), -1, 0, (2, 0), (2**40, 2**40), 2**70, (2**33, 1, 1, 1), ()):
                raises(f"dims {dims}", ValueError, lambda: Array(Free, dims), "dims")
            for dims in ("3", 2.0, (2, 1.5), {2, 3}, (2, "x")):
                raises(f"dims {dims!r}", TypeError, lambda: Array(Free, dims), "dims")
            for ndims in (0, -3, 7):
                raises(f"ndims {ndims}", ValueError, lambda: Array(Free, ndims=ndims), "ndims must be from 1 to 6")
            refused("a string", lambda: Array(Free, "23"))
            refused("a float", lambda: Array(Free, 2.5))
            refused("no such PE", lambda: Chare(Free, onPE=charm.numPes()))
            refused("no such PE", lambda: Chare(Free, onPE=-2))
            refused("arguments that are no list", lambda: Group(Free, args=5))
            for make in (lambda args: Group(E, args), lambda args: Array(E, 4, args=args), lambda args: Chare(E, args)):
                raises("missing argument", TypeError, lambda: make([]), "E", "a")
                raises("too many", TypeError, lambda: make([1, 2, 3]), "E")
            raises("no constructor", TypeError, lambda: Group(NoInit, args=[1]), "NoInit")
            charm.awaitCreation(Group(Free, args=(1, 2)), Group(NoInit), Array(E, 2, args=[1]))
            done()

        charm.start(main)
        """,
        2,
    )


@pytest.mark.parametrize("n", ALL)
def test_inheritance_mixins_and_what_is_no_method(n: int | None) -> None:
    """4.1: inherited methods, of mixins too, static and class methods, callables; not properties, values, classes."""
    holds(
        """
        class Mixin:
            def mixed(self):
                return "mixed", self.x
        class Base(Chare):
            def __init__(self, x=1):
                self.x = x
            def who(self):
                return "base"
            def over(self):
                return "base over"
        class Call:
            def __call__(self, *args):
                return "called", args
        class Child(Base, Mixin):
            def __init__(self, x=2):
                super().__init__(x)
            def over(self):
                return "child over", super().over()
            @property
            def prop(self):
                return 42
            @staticmethod
            def static(a, b=2):
                return a, b
            @classmethod
            def of_class(cls, a):
                return cls.__name__, a
            class Nested:
                pass
            short = lambda self, y: (self.x, y)
            attribute = Call()
            constant = 5
            def __secret__(self):
                return 1
            def _private(self):
                return "private"
            def use_prop(self):
                return self.prop
        class Silent(Base):  # does not call the base constructor
            def __init__(self):
                self.y = 1
            def get(self):
                return self.y, self.thisIndex

        def main(args):
            for proxy in (Group(Child), Array(Child, 4), Chare(Child)):
                one = proxy[0]
                def gives(what, method, want, *args, **named):
                    eq(what, getattr(one, method)(*args, ret=True, **named).get(), want)
                gives("mixin", "mixed", ("mixed", 2))
                gives("overridden", "over", ("child over", "base over"))
                gives("inherited", "who", "base")
                gives("static", "static", (1, 2), 1)
                gives("static, by name", "static", (1, 5), b=5, a=1)
                gives("class method", "of_class", ("Child", 7), 7)
                gives("lambda", "short", (2, 3), 3)
                gives("callable attribute", "attribute", ("called", (1, 2)), 1, 2)
                gives("one underscore", "_private", "private")
                gives("property inside", "use_prop", 42)
                for name in ("prop", "constant", "Nested", "__secret__", "wait", "contribute", "reduce", "allreduce", "AtSync",
                             "migrated", "nosuch", "x"):
                    raises(name, AttributeError, lambda: getattr(one, name), name)
                raises("proxies take no attributes", AttributeError, lambda: setattr(one, "foo", 5))
            eq("no super().__init__()", Group(Silent)[0].get(ret=True).get(), (1, 0))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_arguments_of_constructors_and_dims_of_every_kind(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def __init__(self, a, *rest, b=3):
                self.got = a, rest, b
            def get(self):
                return self.got
            def flag(self):
                return self.migratable
            def fix(self):
                self.setMigratable(False)
                return self.migratable
            def free(self):
                self.migratable = True
                return self.migratable

        class Main(Chare):
            def __init__(self, args):
                for given, want in (((1, 2, 3), (1, (2, 3), 3)), ([1], (1, (), 3)), ((x for x in (1, 2)), (1, (2,), 3)),
                                    ("xyz", ("x", ("y", "z"), 3)), ({"a": 1}, ("a", (), 3)), (range(2), (0, (1,), 3))):
                    eq(f"args={given!r}", Chare(E, args=given).get(ret=True).get(), want)
                eq("a numpy array", int(Chare(E, args=np.array([4])).get(ret=True).get()[0]), 4)
                for dims in (3, (3,), [3], np.int64(3), np.array([3]), range(3, 4), np.int32(3)):
                    eq(f"dims={dims!r}", len(Array(E, dims, args=[1]).get(ret=True).get()), 3)
                eq("numpy among them", len(Array(E, (np.int64(2), np.int8(2)), args=[1]).get(ret=True).get()), 4)
                eq("dims and ndims", len(Array(E, (2, 2), ndims=2, args=[1]).get(ret=True).get()), 4)
                eq("by position", len(Array(E, 2, 1, [1]).get(ret=True).get()), 2)
                eq("useAtSync", len(Array(E, 2, args=[1], useAtSync=True).get(ret=True).get()), 2)
                check("the main chare has no index", not hasattr(self, "thisIndex"))
                array, group, single = Array(E, 3, args=[1]), Group(E, args=[1]), Chare(E, args=[1])
                eq("migratable", [p[0].flag(ret=True).get() for p in (array, group, single)], [True, False, True])
                eq("setMigratable", (array[0].fix(ret=True).get(), array.flag(ret=True).get()), (False, [False, True, True]))
                eq("and back", array[0].free(ret=True).get(), True)
                array.setMigratable(False, awaitable=True).get()
                eq("from afar", array.flag(ret=True).get(), [False] * 3)
                done()

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_creation_in_constructors_and_coroutines(n: int | None) -> None:
    holds(
        """
        class Leaf(Chare):
            def __init__(self, a=0):
                self.a = a
            def get(self):
                return self.a
        def make():
            return [Group(Leaf, args=[1]), Array(Leaf, 3, args=[2]), Chare(Leaf, args=[3])]
        class Plain(Chare):
            def __init__(self):
                self.made = make()
            @coro
            def look(self):
                return [proxy.get(ret=True).get() for proxy in self.made]
        class Coro(Chare):
            @coro
            def __init__(self):
                made = make()
                charm.awaitCreation(*made)
                self.seen = [proxy.get(ret=True).get() for proxy in made]
            def look(self):
                return self.seen
        class Async(Chare):
            async def __init__(self):
                self.seen = [await proxy.get(ret=True) for proxy in make()]
            def look(self):
                return self.seen
        class Barrier(Chare):
            def __init__(self):
                self.all = self.allreduce(1, Reducer.sum)
            @coro
            def look(self):
                return self.all.get()

        def main(args):
            want = [[1] * charm.numPes(), [2] * 3, 3]
            for C in (Plain, Coro, Async):
                for proxy, size in ((Group(C), charm.numPes()), (Array(C, 5), 5), (Chare(C, onPE=charm.numPes() - 1), 1)):
                    charm.awaitCreation(proxy)
                    for i in range(size):
                        eq(C.__name__, proxy[i].look(ret=True).get(), want)
            for proxy, size in ((Group(Barrier), charm.numPes()), (Array(Barrier, 9), 9), (Chare(Barrier), 1)):
                eq("allreduce in a constructor", proxy[0].look(ret=True).get(), size)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2, 7))
def test_insertion_from_everywhere_while_broadcasts_are_under_way(n: int | None) -> None:
    """6.2: each element hears each broadcast once, those being inserted too; reductions and results are of all."""
    holds(
        """
        class Cell(Chare):
            def __init__(self, tag):
                self.tag, self.heard = tag, []
            def hear(self, what):
                self.heard.append(what)
            def look(self):
                return self.thisIndex, sorted(self.heard)
            def give(self, target, reducer):
                self.reduce(target, self.thisIndex[0], reducer)
            @coro
            def slow(self):
                charm.sleep(0.005)
                return self.thisIndex

        class Inserter(Chare):
            def insert(self, array, base, count, place):
                for k in range(count):
                    array.ckInsert(base + self.thisIndex * count + k, [self.thisIndex], k % charm.numPes() if place else -1)
            @coro
            def shout(self, array):
                array.hear("any", awaitable=True).get()

        def main(args):
            num = charm.numPes()
            for place in (0, 1) * 3:
                array, inserters = Array(Cell, ndims=1), Group(Inserter)
                array.hear("0")
                inserters.insert(array, 0, 7, place)
                array.hear("1")
                shouting = inserters.shout(array, awaitable=True)
                inserting = inserters.insert(array, 1000, 5, place, awaitable=True)
                array.hear("2")
                inserting.get()
                shouting.get()
                array.ckDoneInserting()
                array.hear("3")
                indices = [(i,) for base, count in ((0, 7), (1000, 5)) for i in range(base, base + count * num)]
                want = sorted(["0", "1", "2", "3"] + ["any"] * num)
                eq("each once", array.look(ret=True).get(), [(i, want) for i in indices])
                array.give(future := Future(), Reducer.gather)
                eq("gather", future.get(), [i for i, in indices])
                eq("coroutines", array.slow(ret=True).get(), indices)
                for k in range(5):
                    array.ckInsert(-1 - k, args=["late"])
                while len(array.look(ret=True).get()) < len(indices) + 5:
                    pass
                array.give(future := Future(), Reducer.min)
                eq("with those inserted later", future.get(), -5)
            wide = Array(Cell, ndims=2)
            wide.ckInsert(index=np.array([2, 3]), args=(5,), onPE=0, useAtSync=True)
            wide.ckInsert([1, -5], [3])
            wide.ckInsert((np.int8(2), 2), [4], 0)
            wide.ckDoneInserting()
            eq("indices of every kind", [i for i, _ in wide.look(ret=True).get()], [(1, -5), (2, 2), (2, 3)])
            for what, wrong in (("dimensions", lambda: wide.ckInsert(1, [1])), ("text", lambda: wide.ckInsert("ab", [1])),
                                ("no such PE", lambda: wide.ckInsert((1, 1), [1], num)), ("no such PE", lambda: wide.ckInsert((1, 1), [1], -2)),
                                ("no argument", lambda: wide.ckInsert((1, 1))), ("too many", lambda: wide.ckInsert((1, 1), [1, 2])),
                                ("a group", lambda: Group(Cell, args=[1]).ckInsert(1, [1])), ("too large", lambda: wide.ckInsert((2**70, 1), [1])),
                                ("done with a group", lambda: Group(Cell, args=[1]).ckDoneInserting())):
                refused(what, wrong)
            done()

        charm.start(main)
        """,
        n,
        timeout=60,
    )


@pytest.mark.parametrize("index", ["5", "(5,)"])
def test_an_element_inserted_twice_ends_the_job(index: str) -> None:
    fails(
        f"""
        class E(Chare):
            pass
        def main(args):
            array = Array(E, ndims=1)
            array.ckInsert(5, onPE=0)
            array.ckInsert({index}, onPE=2)
        charm.start(main)
        """,
        3,
        "element (5,) was inserted twice into an array of __main__.E",
    )
