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
            refused("negative", lambda: Array(Free, (2, -3)))
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
