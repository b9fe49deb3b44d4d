"""§6.3: ArrayMap: a group that says where the elements of an array are created."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_dense_and_inserted_elements_of_1_to_6_dimensions(n: int | None) -> None:
    holds(
        """
        from chariot import ArrayMap

        class Spread(ArrayMap):
            def __init__(self, factor, shift=0):
                self.factor, self.shift, self.asked = factor, shift, []
            def procNum(self, index):
                assert type(index) is tuple and all(type(i) is int for i in index)
                assert self.thisIndex == charm.myPe()
                self.asked.append(index)
                return (sum(index) * self.factor + self.shift) % charm.numPes()
            def all_asked(self):
                return self.asked

        class Numpys(ArrayMap):
            def procNum(self, index):
                return np.int64(charm.numPes() - 1)

        class E(Chare):
            def __init__(self, tag="none", futures=()):
                self.heard, self.tag = 0, tag
                for future in futures:
                    self.reduce(future, 1, Reducer.sum)
            def where(self):
                return self.thisIndex, charm.myPe(), self.tag
            def hear(self):
                self.heard += 1
            def count(self):
                return self.heard
            def everyone(self):
                return self.thisProxy.count(ret=True)
            @coro
            def agree(self):
                return self.allreduce(1, Reducer.sum).get()

        def main(args):
            num = charm.numPes()
            for dims in ((12,), (4, 3), (2, 3, 2), (2, 2, 2, 2), (2, 1, 2, 1, 3), (1, 2, 2, 1, 2, 2), (1,), (50, 3)):
                size = int(np.prod(dims))
                m = Group(Spread, args=[3, 1])
                first, second = Future(), Future()
                a = Array(E, dims, args=["t", [first, second]], map=m)
                a.hear()
                got = a.where(ret=True).get()
                indices = list(np.ndindex(*dims))
                eq(f"{dims}", got, [(i, (sum(i) * 3 + 1) % num, "t") for i in indices])
                charm.awaitCreation(a)
                a.hear(awaitable=True).get()
                eq("each broadcast once", a.count(ret=True).get(), [2] * size)
                eq("from constructors", (first.get(), second.get()), (size, size))
                eq("reductions", a.agree(ret=True).get(), [size] * size)
                eq("elements", [a[i].where(ret=True).get()[0] for i in indices], indices)
                asked = sum(m.all_asked(ret=True).get(), [])
                eq("each index is asked for once", sorted(asked), indices)
                if len(dims) == 1:
                    shares = [len(asked) for asked in m.all_asked(ret=True).get()]
                    check(f"by all PEs: {shares}", max(shares) - min(shares) <= 1)
                s = Array(E, ndims=len(dims), map=m)
                for i in reversed(indices):
                    s.ckInsert(i, args=["late"])
                pinned = tuple(1000 for _ in dims)
                s.ckInsert(pinned, args=["pinned"], onPE=num - 1)
                s.ckDoneInserting()
                eq(f"inserted {dims}", s.where(ret=True).get(),
                   [(i, (sum(i) * 3 + 1) % num, "late") for i in indices] + [(pinned, num - 1, "pinned")])
            eq("numpy ints", {pe for _, pe, _ in Array(E, 9, map=Group(Numpys)).where(ret=True).get()}, {num - 1})
            eq("a map is a group", len(Group(Spread, args=[1]).all_asked(ret=True).get()), num)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_maps_and_arrays_from_any_pe(n: int) -> None:
    """Made just before, not awaited; by another PE; used by many arrays; inserted into by all."""
    holds(
        """
        from chariot import ArrayMap

        class Last(ArrayMap):
            def procNum(self, index):
                return charm.numPes() - 1 - index[0] % charm.numPes()

        class E(Chare):
            def __init__(self, *args):
                self.args = args
            def where(self):
                return charm.myPe(), self.args

        class Maker(Chare):
            def make_map(self):
                return Group(Last)
            def make(self, m=None):
                m = m or Group(Last)
                return Array(E, 2 * charm.numPes(), map=m, args=[charm.myPe()]), Array(E, ndims=1, map=m)
            def insert(self, array):
                me = self.thisIndex
                array.ckInsert(me * 1000 + 1, args=[me])
                array.ckInsert(me * 1000 + 2, args=[me])
            @coro
            def make_and_use(self):
                a, s = self.make(self.make_map())
                s.ckInsert(7, args=["x"])
                s.ckDoneInserting()
                return a.where(ret=True).get(), s[7].where(ret=True).get()

        def main(args):
            num, pes = charm.numPes(), range(charm.numPes())
            makers = Group(Maker)
            at = lambda i: num - 1 - i % num
            for pe in pes:
                used = makers[pe].make_and_use(ret=True).get()
                eq("one PE", used, ([(at(i), (pe,)) for i in range(2 * num)], (at(7), ("x",))))
            m = makers[num - 1].make_map(ret=True).get()
            for pe in pes:
                a, s = makers[pe].make(m, ret=True).get()
                makers.insert(s, awaitable=True).get()
                s.ckDoneInserting()
                eq("dense", a.where(ret=True).get(), [(at(i), (pe,)) for i in range(2 * num)])
                eq("inserted", s.where(ret=True).get(), [(at(p * 1000 + k), (p,)) for p in pes for k in (1, 2)])
            done()

        charm.start(main)
        """,
        n,
    )


def test_large_arrays_ask_in_shares() -> None:
    holds(
        """
        from chariot import ArrayMap

        class Blocks(ArrayMap):
            def __init__(self):
                self.calls = 0
            def procNum(self, index):
                self.calls += 1
                return index[0] % charm.numPes()
            def count(self):
                return self.calls

        class E(Chare):
            def one(self, target):
                self.reduce(target, 1, Reducer.sum)

        def main(args):
            m = Group(Blocks)
            a = Array(E, (200, 200), map=m)
            charm.awaitCreation(a)
            eq("shares", m.count(ret=True).get(), [10000] * 4)
            a.one(future := Future())
            eq("all are there", future.get(), 40000)
            done()

        charm.start(main)
        """,
        4,
        timeout=60,
    )


MAP_THAT = """
    from chariot import ArrayMap
    class Bad(ArrayMap):
        def procNum(self, index):
            %s
    class E(Chare):
        pass
    def main(args):
        a = %s
        a.ckInsert((2, 5))
    charm.start(main)
"""


@pytest.mark.parametrize("make", ["Array(E, (3, 6), map=Group(Bad))", "Array(E, ndims=2, map=Group(Bad))"])
@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("return 99 if index == (2, 5) else 0", ("Bad", "(2, 5)", "99", "2 PEs")),
        ("return -1 if index == (2, 5) else 0", ("Bad", "(2, 5)", "2 PEs")),
        ("return 10**30 if index == (2, 5) else 0", ("Bad", "(2, 5)", "2 PEs")),
        ("return 0 if index != (2, 5) else [][0]", ("IndexError", "Bad.procNum", "(2, 5)")),
        ("return 0 if index != (2, 5) else None", ("TypeError", "Bad.procNum", "(2, 5)", "NoneType")),
        ("return 0 if index != (2, 5) else Future().get()", ("NotThreadedError", "Bad.procNum", "(2, 5)")),
    ],
)
def test_a_map_that_fails_ends_the_job(make: str, body: str, words: tuple[str, ...]) -> None:
    fails(MAP_THAT % (body, make), 2, *words)


def test_what_maps_refuse() -> None:
    holds(
        """
        from chariot import ArrayMap

        class M(ArrayMap):
            def procNum(self, index):
                return 0

        class E(Chare):
            pass

        def main(args):
            m = Group(M)
            for what, wrong in (("a class", M), ("an object", 5), ("an element", m[0]), ("no map", Group(E)),
                                ("an array", Array(E, 2)), ("a function", lambda index: 0)):
                raises(what, TypeError, lambda: Array(E, 4, map=wrong), "map")
            raises("an array of maps", "Charm4PyError", lambda: Array(M, 4), "Group(M)")
            raises("one map", "Charm4PyError", lambda: Chare(M), "Group(M)")
            raises("the base class", "Charm4PyError", lambda: Group(ArrayMap), "ArrayMap")
            eq("asked as any method", m[0].procNum((1,), ret=True).get(), 0)
            m.destroy(awaitable=True).get()
            done()

        charm.start(main)
        """,
        2,
    )


def test_a_map_without_procnum_and_one_that_was_destroyed() -> None:
    fails(
        """
        from chariot import ArrayMap
        class Empty(ArrayMap):
            pass
        class E(Chare):
            pass
        def main(args):
            Array(E, 4, map=Group(Empty))
        charm.start(main)
        """,
        2,
        "NotImplementedError",
        "Empty",
        "procNum",
    )
    fails(
        """
        from chariot import ArrayMap
        class M(ArrayMap):
            def procNum(self, index):
                return 0
        class E(Chare):
            pass
        def main(args):
            m = Group(M)
            m.destroy(awaitable=True).get()
            Array(E, 4, map=m)
        charm.start(main)
        """,
        2,
        "the map that places an array of __main__.E was destroyed",
    )


@pytest.mark.parametrize("n", (1, 4))
def test_quiescence_waits_for_what_is_being_placed(n: int) -> None:
    """Creations under way and the broadcasts held back for them count as work, also while the map is on its way."""
    holds(
        """
        from chariot import ArrayMap

        class Spread(ArrayMap):
            def procNum(self, index):
                return index[0] * 7 % charm.numPes()

        class E(Chare):
            def __init__(self):
                self.heard = 0
            def hear(self):
                self.heard += 1
            def count(self):
                return self.heard

        class Maker(Chare):
            def make(self):
                return Group(Spread)

        def main(args):
            maker = Chare(Maker, onPE=charm.numPes() - 1)
            for k in range(20):
                m = Group(Spread) if k % 2 else maker.make(ret=True).get()
                dense, sparse = Array(E, 50, map=m), Array(E, ndims=1, map=m)
                dense.hear()
                for i in range(10):
                    sparse.ckInsert(i)
                sparse.hear()
                sparse.ckDoneInserting()
                sparse.hear()
                charm.waitQD()
                eq("dense", dense.count(ret=True).get(), [1] * 50)
                eq("sparse", sparse.count(ret=True).get(), [2] * 10)
                for proxy in (dense, sparse, m):
                    proxy.destroy()
            done()

        charm.start(main)
        """,
        n,
    )
