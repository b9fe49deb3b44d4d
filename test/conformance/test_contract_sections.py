"""§9, §5.1, §5.3, §6.1: sections: split, slices, combine, groups on some PEs, and all that works on any collection."""

from __future__ import annotations

import pytest
from harness import PES, holds, run

ALL = (None, *PES)

ELEMENTS = """
class E(Chare):
    def __init__(self):
        self.calls = 0
    def idx(self):
        return self.thisIndex
    def where(self):
        return charm.myPe()
    def add(self, x=1):
        self.calls += x
    def total(self):
        return self.calls
    def fails_at(self, index):
        if self.thisIndex == index:
            raise KeyError(f"at {index}")
        return self.thisIndex
    def give(self, section, target, reducer, data=None):
        self.reduce(target, self.value() if data is None else data, reducer, section)
    def give_old(self, section, target):
        self.contribute(1, Reducer.sum, target, section)
    def value(self):
        i = self.thisIndex
        return i if isinstance(i, int) else sum(x * 10**k for k, x in enumerate(i))
    @coro
    def agree(self, section, times=1):
        return [self.allreduce(self.value() + k, Reducer.sum, section).get() for k in range(times)]
    async def agree_async(self, section):
        return await self.allreduce(self.value(), Reducer.max, section)

class D(E):
    pass

def get(section, method="idx"):
    return getattr(section, method)(ret=True).get(timeout=40)

def reduced(section, reducer, data=None, over=None):
    f = Future()
    section.give(over or section, f, reducer, data)
    return f.get(timeout=40)
"""


@pytest.mark.parametrize("n", ALL)
def test_split(n: int | None) -> None:
    holds(
        ELEMENTS
        + """
def main(args):
    n = charm.numPes()
    group, line, plane = Group(E), Array(E, 20), Array(E, (4, 5))

    odd, even = charm.split(line, 2, lambda chare: chare.thisIndex[0] % 2 == 0)
    eq("by a function", (get(odd), get(even)), ([(i,) for i in range(1, 20, 2)], [(i,) for i in range(0, 20, 2)]))
    a, b, c = charm.split(line, 3, section_func=lambda e: [k for k in range(3) if e.thisIndex[0] % (k + 2) == 0])
    for k, s in enumerate((a, b, c)):
        eq("they overlap", get(s), [(i,) for i in range(20) if i % (k + 2) == 0])
    for what, f, want in (
            ("a set", lambda e: {0, 1}, [20, 20]), ("numpy", lambda e: np.arange(2), [20, 20]),
            ("twice the same", lambda e: [0, 0, 1], [20, 20]), ("a generator", lambda e: (k for k in (0, 1)), [20, 20]),
            ("numpy's int", lambda e: np.int64(e.thisIndex[0] & 1), [10, 10]),
            ("none", lambda e: -1 if e.thisIndex[0] > 3 else [0, -5, 1], [4, 4]),
            ("None", lambda e: None if e.thisIndex[0] > 3 else (0, 1), [4, 4]),
            ("empty", lambda e: [] if e.thisIndex[0] > 3 else (0, 1), [4, 4])):
        eq(what, [len(get(s)) for s in charm.split(line, 2, f)], want)

    first, rest = charm.split(plane, 2, elems=[[(0, 0), (0, 1), (1, 0)], {(3, 4), (0, 0)}])
    eq("by lists", (get(first), get(rest)), ([(0, 0), (0, 1), (1, 0)], [(0, 0), (3, 4)]))
    eq("one, flat", get(charm.split(plane, 1, elems=[(2, 2), (1, 1)])[0]), [(1, 1), (2, 2)])
    eq("one, in a list", get(charm.split(plane, 1, elems=[[(2, 2), (1, 1)]])[0]), [(1, 1), (2, 2)])
    eq("one element", get(charm.split(line, 1, elems=[7])[0]), [(7,)])
    eq("ints and tuples, twice the same", get(charm.split(line, 1, elems=[[7, (3,), np.int32(3), 7]])[0]), [(3,), (7,)])
    eq("a range", get(charm.split(line, 1, elems=range(4, 6))[0]), [(4,), (5,)])
    eq("ranges", [get(s) for s in charm.split(line, 2, elems=[range(2), range(18, 20)])], [[(0,), (1,)], [(18,), (19,)]])

    ends = charm.split(group, 1, elems=[[0, n - 1, 0]])[0]
    eq("of a group", get(ends), sorted({0, n - 1}))
    eq("where they are", get(ends, "where"), sorted({0, n - 1}))
    eq("of a group, by a function", get(charm.split(group, 1, lambda e: 0 if e.where() == n - 1 else -1)[0]), [n - 1])
    eq("of a group, flat", get(charm.split(group, 1, elems=[n - 1])[0]), [n - 1])
    eq("of the runtime", charm.split(charm.thisProxy, 1, elems=[0])[0].myPe(ret=True).get(), [0])

    sixth = charm.split(even, 1, lambda e: 0 if e.thisIndex[0] % 3 == 0 else -1)[0]
    eq("a section of a section", get(sixth), [(0,), (6,), (12,), (18,)])
    eq("by indices", get(charm.split(sixth, 2, elems=[[6], [0, 18]])[1]), [(0,), (18,)])
    many = charm.split(line, 20, lambda e: e.thisIndex[0])
    eq("one-element sections", [get(s) for s in many], [[(i,)] for i in range(20)])
    eq("all of them", get(charm.split(line, 1, lambda e: 0)[0]), get(line))

    before = sum(get(line, "total"))
    even.add(awaitable=True).get(timeout=40)
    eq("a broadcast reaches each once, and no other", get(line, "total"), [1, 0] * 10)
    even.add(5)
    even.add(x=4, awaitable=True).get(timeout=40)
    eq("named and default arguments", get(line, "total"), [10, 0] * 10)
    eq("awaitable gives", even.add(awaitable=True).get(timeout=40), None)
    raises("an exception", KeyError, lambda: even.fails_at((4,), awaitable=True).get(timeout=40), "at (4,)")
    got = even.fails_at((4,), ret=True).get(timeout=40)
    check("exceptions in place", [type(x) for x in got] == [tuple, tuple, KeyError] + [tuple] * 7)
    error = got[2]
    check("with the traceback of the place", "fails_at" in error.remote_stacktrace[1])
    raises("too many arguments", TypeError, lambda: even.add(1, 2), "add")
    raises("unknown name", TypeError, lambda: even.add(y=2), "'y'")
    raises("no such method", AttributeError, lambda: even.nosuch)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_slices(n: int | None) -> None:
    """Every kind of slice against what numpy gives for it."""
    holds(
        ELEMENTS
        + """
import random

def main(args):
    n = charm.numPes()
    group, line, plane, cube = Group(E), Array(E, 9), Array(E, (4, 5)), Array(E, (3, 4, 2))
    def want(shape, key):
        numbers = np.arange(np.prod(shape)).reshape(shape)[key]
        return sorted(tuple(map(int, np.unravel_index(k, shape))) for k in np.atleast_1d(numbers).ravel())

    for key in (np.s_[2:5], np.s_[:], np.s_[::2], np.s_[::-1], np.s_[-3:], np.s_[:-3], np.s_[-2:-7:-2], np.s_[7:2:-3],
                np.s_[5:100], np.s_[-100:2], np.s_[3:], np.s_[:4], np.s_[8:9], np.s_[np.int64(1):np.int8(3)],
                np.s_[-2**80:2**80], np.s_[::2**70], np.s_[True:4], (np.s_[2:4],)):
        eq(f"line {key}", get(line[key]), want((9,), key))
        if 9 >= n:
            try:
                numbers = sorted(range(n)[key if isinstance(key, slice) else key[0]])
            except IndexError:
                numbers = []
            if numbers:
                eq(f"group {key}", get(group[key]), numbers)
    for key in (np.s_[1:3, 2:4], np.s_[:, :], np.s_[::2, ::3], np.s_[-1:, :-2], np.s_[1, 2:4], np.s_[:, 3], np.s_[-1, :],
                np.s_[:, -2], np.s_[::-1, ::-2], np.s_[3:0:-1, -1], np.s_[0, :], np.s_[-4, ::4]):
        eq(f"plane {key}", get(plane[key]), want((4, 5), key))
    for key in (np.s_[:, :, 0], np.s_[1, :, :], np.s_[:, -1, 1], np.s_[::2, 1:3, -1:], np.s_[-1, -1, :], np.s_[0:1, 0:1, 0:1]):
        eq(f"cube {key}", get(cube[key]), want((3, 4, 2), key))
    chance = random.Random(5)
    def bound(size):
        return chance.choice([None, *range(-size - 1, size + 2)])
    tried = 0
    while tried < 25:
        shape = (4, 5)
        key = tuple(chance.choice([slice(bound(s), bound(s), chance.choice([None, 1, 2, 3, -1, -2])), chance.randrange(-s, s)])
                    for s in shape)
        if not any(isinstance(k, slice) for k in key) or not want(shape, key):
            continue
        tried += 1
        eq(f"plane {key}", get(plane[key]), want(shape, key))

    half = plane[:, 1:4]
    eq("a slice of a section is by the same indices", get(half[1:3, 0:2]), [(1, 1), (2, 1)])
    eq("and once more", get(plane[:, 1:4][1:, :][:2, 1:2]), [(1, 1)])
    eq("a slice of a group's section", get(group[:][0:1]), [0])
    eq("of the runtime", charm.thisProxy[0:n].myPe(ret=True).get(), list(range(n)))

    sparse = Array(E, ndims=2)
    places = [(-3, 0), (-1, 5), (0, 0), (2, -4), (7, 5), (8, 5)]
    for place in places:
        sparse.ckInsert(place)
    sparse.ckDoneInserting()
    get(sparse)
    eq("where arrays began empty numbers are as they are", get(sparse[-3:1, :]), [(-3, 0), (-1, 5), (0, 0)])
    eq("unbounded", get(sparse[:, :]), places)
    eq("one index", get(sparse[:, 5]), [(-1, 5), (7, 5), (8, 5)])
    eq("one negative index", get(sparse[-1, :]), [(-1, 5)])
    eq("steps", get(sparse[-3:8:2, :]), [(-3, 0), (-1, 5), (7, 5)])
    eq("down", get(sparse[8:0:-3, :]), [(2, -4), (8, 5)])
    five = Array(E, (2, 2, 2, 2, 2))
    eq("five dimensions", get(five[1, :, 0, 1:, -1]), [(1, 0, 0, 1, 1), (1, 1, 0, 1, 1)])

    for what, wrong, kind, words in (
            ("empty", lambda: line[5:5], ValueError, "empty"), ("empty of a group", lambda: group[n:], ValueError, "empty"),
            ("step 0", lambda: line[::0], ValueError, "step"), ("too few", lambda: plane[1:2], ValueError, "dimension"),
            ("too many", lambda: line[1:2, 1:2], ValueError, "dimension"),
            ("too many of a group", lambda: group[0:1, 0:1], ValueError, "dimension"),
            ("a float", lambda: line[0.5:], TypeError, "float"), ("a string", lambda: plane["a", 1:], TypeError, "'a'"),
            ("a tuple among slices", lambda: plane[(1, 2), 1:], TypeError, "(1, 2)"),
            ("an ellipsis", lambda: plane[..., 1:], TypeError, "Ellipsis"),
            ("of an element", lambda: line[3][0:2], TypeError, "element"),
            ("of a single chare", lambda: Chare(E)[0:1], TypeError, "chare of its own"),
            ("empty in one dimension", lambda: plane[4:, :], ValueError, "empty")):
        raises(what, kind, wrong, words)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_combine(n: int | None) -> None:
    holds(
        ELEMENTS
        + """
class Other(Chare):
    def idx(self):
        return f"other {self.thisIndex}"
    def swap(self, b=20, a=10, *, c=30):
        return ("other", a, b, c)
    def only_here(self):
        return self.thisIndex
    @when("self.thisIndex >= 0 and a == 1")
    def guarded(self, b, a):
        return (a, b)

class One(Chare):
    def idx(self):
        return f"one {self.thisIndex}"
    def swap(self, a=1, b=2, *, c=3):
        return ("one", a, b, c)
    def guarded(self, a, b):
        return (a, b)

def main(args):
    n = charm.numPes()
    group, line, plane = Group(E), Array(E, 4), Array(D, (2, 2))
    pes = list(range(n))
    cells, rows = [(i,) for i in range(4)], [(0, 0), (0, 1), (1, 0), (1, 1)]
    eq("a group and an array", get(charm.combine(group, line)), pes + cells)
    eq("the order is that of creation", get(charm.combine(plane, line, group)), pes + cells + rows)
    eq("each element once", get(charm.combine(line, group, line, line[1:3])), pes + cells)
    eq("of one", get(charm.combine(line)), cells)
    low = line[:2]
    mixed = charm.combine(low, plane[1, :], group[0:1])
    eq("sections", get(mixed), [0, (0,), (1,), (1, 0), (1, 1)])
    eq("of a combination", get(charm.combine(mixed, line[3:])), [0, (0,), (1,), (3,), (1, 0), (1, 1)])
    split = charm.split(mixed, 2, lambda e: isinstance(e, D))
    eq("split again", [get(s) for s in split], [[0, (0,), (1,)], [(1, 0), (1, 1)]])
    eq("gather over several collections", reduced(mixed, Reducer.gather, None), [0, 0, 1, 1, 11])
    eq("sum", reduced(mixed, Reducer.sum, 1), 5)
    mixed.add(3, awaitable=True).get(timeout=40)
    eq("broadcast", (get(line, "total"), get(plane, "total"), get(group, "total")),
       ([3, 3, 0, 0], [0, 0, 3, 3], [3] + [0] * (n - 1)))
    got = mixed.fails_at((1, 0), ret=True).get(timeout=40)
    check("exceptions in place", isinstance(got[3], KeyError) and got[4] == (1, 1))
    raises("an exception", KeyError, lambda: mixed.fails_at(0, awaitable=True).get(timeout=40), "at 0")
    eq("allreduce over it", mixed.agree(mixed, ret=True).get(timeout=40), [[13]] * 5)

    ones, others = Array(One, 1), Group(Other, onPEs=[0])
    both = charm.combine(ones, others)
    eq("classes that only share names", get(both), ["one (0,)", "other 0"])
    def swap(*args, **named):
        return both.swap(*args, ret=True, **named).get(timeout=40)
    eq("names mean the same in each", swap(a=5, b=6), [("one", 5, 6, 3), ("other", 5, 6, 30)])
    eq("one of them", swap(b=6), [("one", 1, 6, 3), ("other", 10, 6, 30)])
    eq("keyword-only", swap(c=7, a=5), [("one", 5, 2, 7), ("other", 5, 20, 7)])
    eq("by place", swap(5), [("one", 5, 2, 3), ("other", 10, 5, 30)])
    eq("none", swap(), [("one", 1, 2, 3), ("other", 10, 20, 30)])
    eq("conditions see them", both.guarded(a=1, b=9, ret=True).get(timeout=40), [(1, 9), (1, 9)])
    got = swap(1, b=2)
    eq("what fits the one", got[0], ("one", 1, 2, 3))
    check("and not the other is its error", isinstance(got[1], TypeError) and "'b'" in str(got[1]))
    raises("checked here", TypeError, lambda: both.swap(d=1), "'d'")
    error = raises("a method that one class has not", Exception,
                   lambda: charm.combine(others, ones).only_here(awaitable=True).get(timeout=40), "only_here")
    eq("in named order", [type(s) for s in (both.swap(a=1), both.swap(a=1, awaitable=True))], [type(None), Future().__class__])
    for what, wrong, kind, words in (
            ("nothing", lambda: charm.combine(), TypeError, "at least one"),
            ("no proxy", lambda: charm.combine(line, 5), TypeError, "int"),
            ("an element", lambda: charm.combine(line[0]), TypeError, "element"),
            ("a single chare", lambda: charm.combine(Chare(E)), TypeError, "chare of its own"),
            ("an index", lambda: mixed[0], TypeError, "combined"),
            ("a slice", lambda: mixed[0:2], TypeError, "combined"),
            ("a list of indices", lambda: charm.split(mixed, 1, elems=[0]), TypeError, "combined")):
        raises(what, kind, wrong, words)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_groups_on_some_pes(n: int | None) -> None:
    holds(
        """
class G(Chare):
    def __init__(self, x=0):
        self.x = x
    def idx(self):
        return (self.thisIndex, charm.myPe(), self.x)
    def about(self):
        p = self.thisProxy
        return (p.issec, p.elemIdx, p, p.section)
    def sum(self, f):
        self.reduce(f, 1, Reducer.sum)
    @coro
    def agree(self, section=None):
        return self.allreduce(self.thisIndex, Reducer.gather, section).get()
    def tell(self, pe):
        return self.thisProxy[pe].idx(ret=True)
    @coro
    def ask(self, pe):
        return self.thisProxy[pe].idx(ret=True).get()
    def rest(self, callback):
        self.reduce(callback)
    def local(self):
        return self.thisProxy.ckLocalBranch() is self
    def got(self, x):
        self.x = x

class Maker(Chare):
    def make(self, pes):
        g = Group(G, [3], onPEs=pes)
        return g, [charm.numPes(), charm.myPe()], g.idx(ret=True)

def main(args):
    n = charm.numPes()
    last = n - 1
    some = sorted({0, n // 2, last})
    for pes in ([last], [last, 0, last, 0], some, range(n), np.array(some), (pe for pe in some), {last}, [np.int64(last)]):
        wanted = sorted(set(int(pe) for pe in (some if not hasattr(pes, "__len__") else pes)))
        g = Group(G, args=[5], onPEs=pes)
        eq(f"members {wanted}", g.idx(ret=True).get(timeout=40), [(pe, pe, 5) for pe in wanted])
        eq("results of awaited calls", g.idx(awaitable=True).get(timeout=40), None)
        f = Future()
        g.sum(f)
        eq("a reduction is over the members", f.get(timeout=40), len(wanted))
        eq("allreduce", g.agree(ret=True).get(timeout=40), [wanted] * len(wanted))
        eq("over itself by name", g.agree(g, ret=True).get(timeout=40), [wanted] * len(wanted))
        for pe in wanted:
            eq("by the PE's number", g[pe].idx(ret=True).get(timeout=40), (pe, pe, 5))
        check("it is a section", g.issec is True and g.elemIdx == -1 and g.ndims == 1)
        root, (creator, number) = g.section
        check("which section", root in wanted and creator == 0 and isinstance(number, int))
        for issec, index, proxy, section in g.about(ret=True).get(timeout=40):
            check("the members say the same", issec is True and index == -1 and proxy == g and section == g.section)
            check("and it hashes so", hash(proxy) == hash(g) and {g: 1}[proxy] == 1 and pickle.loads(pickle.dumps(g)) == g)
        check("an element is none", g[wanted[0]].issec is False and g[wanted[0]].section is None)
        eq("a member calls another", g[wanted[0]].ask(wanted[-1], ret=True).get(timeout=40)[0], wanted[-1])
        check("local branch", all(g.local(ret=True).get(timeout=40)))
        check("none where it has no member", (g.ckLocalBranch() is None) == (0 not in wanted))
    early = Group(G, onPEs=[last])
    early.got(9)  # before its creation has gone through
    eq("calls wait for the creation", early[last].idx(ret=True).get(timeout=40), (last, last, 9))
    charm.awaitCreation(early2 := Group(G, onPEs=some))
    eq("awaited", len(early2.idx(ret=True).get(timeout=40)), len(some))
    raises("once", "Charm4PyError", lambda: charm.awaitCreation(early2))
    for pe in range(n):
        made, numbers, got = Chare(Maker, onPE=pe).make([last], ret=True).get(timeout=40)
        eq("from any PE", (made.idx(ret=True).get(timeout=40), got.get(timeout=40)), ([(last, last, 3)],) * 2)
        eq("which made it", made.section[1][0], pe)
    eq("a slice of it", early2[:][0:1].idx(ret=True).get(timeout=40), [(0, 0, 0)])
    eq("a split of it", charm.split(early2, 1, elems=[last])[0].idx(ret=True).get(timeout=40), [(last, last, 0)])
    qd = Future()
    charm.startQD(qd)
    qd.get(timeout=40)
    early2.destroy(awaitable=True).get(timeout=40)
    raises("destroyed", "Charm4PyError", lambda: early2.idx(ret=True).get(timeout=40), "destroyed")
    check("unequal", Group(G, onPEs=[0]) != Group(G, onPEs=[0]))
    for what, wrong, kind, words in (
            ("none", lambda: Group(G, onPEs=[]), ValueError, "at least one"),
            ("no such PE", lambda: Group(G, onPEs=[0, n]), ValueError, str(n)),
            ("no such PE", lambda: Group(G, onPEs=[-1]), ValueError, "-1"),
            ("no list", lambda: Group(G, onPEs=1), TypeError, "list of PE numbers"),
            ("no numbers", lambda: Group(G, onPEs=["a"]), TypeError, "str"),
            ("a float", lambda: Group(G, onPEs=[0.0]), TypeError, "float"),
            ("no such PE of it", lambda: early[n], IndexError, str(n)),
            ("the constructor's arguments", lambda: Group(G, [1, 2], onPEs=[0]), TypeError, "G")):
        raises(what, kind, wrong, words)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_reductions(n: int | None) -> None:
    """Each section has a sequence of its own, of shared elements too, beside the whole collection's."""
    holds(
        ELEMENTS
        + """
def longest(parts):
    return max(parts, key=len)
Reducer.addReducer(longest)

class T(Chare):
    def __init__(self):
        self.got = []
    def put(self, x=None):
        self.got.append(x)
    def result(self):
        return self.got

def main(args):
    n = charm.numPes()
    line, cube = Array(E, 12), Array(E, (3, 3, 2))
    a, b, c = charm.split(line, 3, elems=[range(0, 8), range(4, 12), [5]])
    eq("sum", [reduced(s, Reducer.sum) for s in (a, b, c)], [28, 60, 5])
    eq("the whole", reduced(line, Reducer.sum, over=None), 66) if False else None
    f = Future()
    line.give(None, f, Reducer.sum)
    eq("the whole collection beside them", f.get(timeout=40), 66)
    f = Future()
    line.give(line, f, Reducer.sum)
    eq("said by its own proxy", f.get(timeout=40), 66)
    for what, reducer, data, want in (
            ("max", Reducer.max, None, 7), ("min", Reducer.min, None, 0), ("product", Reducer.product, 2, 256),
            ("and", Reducer.logical_and, True, True), ("or", Reducer.logical_or, False, False),
            ("gather", Reducer.gather, None, list(range(8))), ("of one's own", Reducer.longest, "ab", "ab")):
        eq(what, reduced(a, reducer, data), want)
    check("arrays", np.array_equal(reduced(a, Reducer.sum, np.ones((2, 3))), np.full((2, 3), 8.0)))
    check("lists", np.array_equal(reduced(b, Reducer.max, [1, 5]), [1, 5]))
    f = Future()
    a.give_old(a, f)
    eq("contribute()", f.get(timeout=40), 8)

    futures = []
    for k in range(30):  # overlapping ones, many in flight
        for s, size in ((a, 8), (b, 8), (c, 1), (None, 12)):
            f = Future()
            (s or line).give(s, f, Reducer.sum, 10 * k + 1)
            futures.append((f, size * (10 * k + 1)))
    eq("many in flight", [f.get(timeout=40) for f, _ in futures], [want for _, want in futures])
    both = [a.agree(a, 5, ret=True), b.agree(b, 5, ret=True), line.agree(None, 5, ret=True)]
    for got, (total, size) in zip(both, ((28, 8), (60, 8), (66, 12))):
        eq("overlapping allreduces", got.get(timeout=40), [[total + size * k for k in range(5)]] * size)
    eq("allreduce in an async def", b.agree_async(b, ret=True).get(timeout=40), [11] * 8)

    planes = [cube[:, :, z] for z in range(2)] + [cube[x, :, :] for x in range(3)]
    sums = []
    for p in planes:
        f = Future()
        p.give(p, f, Reducer.gather)
        sums.append(f)
    eq("planes reduce apart", [f.get(timeout=40) for f in sums],
       [[x + 10 * y + 100 * z for x in range(3) for y in range(3)] for z in range(2)]
       + [[x + 10 * y + 100 * z for y in range(3) for z in range(2)] for x in range(3)])

    target, group = Array(T, 4), Group(T)
    half, one = target[:2], charm.split(group, 1, elems=[n - 1])[0]
    for where, members in ((half.put, half), (one.put, one), (target[3].put, None), (group[0].put, None), (target.put, None)):
        a.give(a, where, Reducer.sum)
        b.give(b, where, Reducer.nop, 0)
    charm.waitQD()
    eq("sections as targets", [sorted(map(str, x)) for x in half.result(ret=True).get(timeout=40)],
       [["28", "28", "None", "None"]] * 2)
    eq("of a group", [len(x) for x in one.result(ret=True).get(timeout=40)], [2 if n > 1 else 4])
    eq("who is not in them", [len(x) for x in target.result(ret=True).get(timeout=40)], [4, 4, 2, 4])

    calls = Array(T, 6)
    some = calls[::2]
    charm.startQD(some.put)
    charm.waitQD()
    charm.waitQD()
    eq("a target of quiescence", [len(x) for x in calls.result(ret=True).get(timeout=40)], [1, 0] * 3)
    charm.scheduleCallableAfter(some.put, 0.01, [7])
    charm.waitQD()
    eq("of a timer", calls.result(ret=True).get(timeout=40), [[None, 7], []] * 3)
    raises("no member", "Charm4PyError", lambda: line[0].give(b, Future(), Reducer.sum, awaitable=True).get(timeout=40),
           "E", "(0,)", "no member", "section")
    raises("no member", "Charm4PyError", lambda: line[0].agree(c, ret=True).get(timeout=40), "(0,)", "no member")
    raises("of another collection", "Charm4PyError",
           lambda: cube[0, 0, 0].agree(a, ret=True).get(timeout=40), "(0, 0, 0)", "no member")
    for wrong in (5, cube, line[0], "a"):
        raises("no section", TypeError, lambda: line[0].agree(wrong, ret=True).get(timeout=40), "section must be")
    eq("all goes on", reduced(a, Reducer.sum), 28)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_sections_are_values(n: int | None) -> None:
    """§5.2, §5.3: they compare, hash, pickle, travel; elements of them; they can be destroyed."""
    holds(
        ELEMENTS
        + """
class Holder(Chare):
    def __init__(self):
        self.kept = None
    def keep(self, section):
        self.kept = section
    def use(self):
        return self.kept.idx(ret=True)
    def same(self, other):
        return self.kept == other and hash(self.kept) == hash(other) and {other: 1}.get(self.kept)
    def attributes(self):
        s = self.kept
        return (s.issec, s.section, s.ndims, s.elemIdx, s.aid, repr(s))
    @coro
    def split(self, p):
        return charm.split(p, 2, lambda e: e.thisIndex[0] % 2)

def main(args):
    n = charm.numPes()
    line, plane, group = Array(E, 6), Array(E, (2, 3)), Group(E)
    s, t = charm.split(line, 2, lambda e: e.thisIndex[0] % 2)
    p, g, m = plane[0, :], group[0:1], charm.combine(line, group)
    holder = Group(Holder)
    for section in (s, t, p, g, m):
        holder.keep(section, awaitable=True).get()
        eq("used elsewhere", [f.get(timeout=40) for f in holder.use(ret=True).get()], [get(section)] * n)
        eq("equal elsewhere", holder.same(section, ret=True).get(), [1] * n)
        eq("attributes are the same", holder.attributes(ret=True).get(),
           [(True, section.section, section.ndims, section.elemIdx, section.aid, repr(section))] * n)
        check("pickles", pickle.loads(pickle.dumps(section)) == section)
        check("methods too", pickle.loads(pickle.dumps(section.idx)) == section.idx)
        root, (creator, number) = section.section
        check("which section", 0 <= root < n and creator == 0 and number >= 0)
        check("text for people", "section" in repr(section) and "E" in repr(section))
        check("a section", section.issec is True)
    sections = [s, t, p, g, m, line, plane, group, line[0], charm.split(line, 1, lambda e: 0)[0]]
    check("all different", len(set(sections)) == len(sections) and all(x == x for x in sections))
    check("no sections", not any(x.issec or x.section for x in (line, plane, group, line[0], group[0])))
    eq("ids", (s.aid, s.cid, p.aid, g.gid), (line.aid, line.cid, plane.aid, group.gid))
    eq("ndims", (s.ndims, p.ndims, g.ndims), (1, 2, 1))
    eq("elemIdx", (s.elemIdx, p.elemIdx, g.elemIdx, m.elemIdx), ((), (), -1, ()))

    check("an element is the collection's", s[2] == line[2] and p[0, 1] == plane[0, 1] and g[0] == group[0])
    eq("and can be called", (get(s[2]), get(p[0, 1]), get(g[0])), ((2,), (0, 1), 0))
    check("elements are no sections", s[2].issec is False and s[2].section is None)
    eq("index of it", (s[2].elemIdx, g[0].elemIdx), ((2,), 0))
    for what, wrong, kind in (("dims", lambda: s[1, 2], ValueError), ("dims", lambda: p[1], ValueError), ("PE", lambda: g[n], IndexError),
                              ("a string", lambda: s["a"], TypeError), ("insert", lambda: s.ckInsert(9), TypeError),
                              ("insert", lambda: s.ckDoneInserting(), TypeError), ("length", lambda: len(s), TypeError)):
        raises(what, kind, wrong)

    early = [charm.split(line, 1, lambda e: 0)[0], line[1:3], charm.combine(line, plane), charm.split(group, 1, elems=[0])[0]]
    charm.awaitCreation(*early)
    for section in early:
        raises("awaited once", "Charm4PyError", lambda: charm.awaitCreation(section), "awaited already")
    raises("not of a creation", "Charm4PyError", lambda: charm.awaitCreation(pickle.loads(pickle.dumps(t))), "awaited")

    for pe in range(n):
        odd, even = holder[pe].split(line, ret=True).get(timeout=40)
        eq("made on another PE", (get(odd), get(even)), ([(0,), (2,), (4,)], [(1,), (3,), (5,)]))
        eq("by whom", (odd.section[1][0], even.section[1][0]), (pe, pe))
    eq("destroy", s.destroy(awaitable=True).get(timeout=40), None)
    raises("of a destroyed one", "Charm4PyError", lambda: get(s), "destroyed")
    eq("its members stay", get(line), [(i,) for i in range(6)])
    eq("and so do others", get(t), [(1,), (3,), (5,)])
    t.destroy()
    g.destroy(awaitable=True).get(timeout=40)
    line.destroy(awaitable=True).get(timeout=40)
    raises("split of a destroyed collection", "Charm4PyError", lambda: charm.split(line, 1, lambda e: 0), "destroyed")
    raises("slice of one", "Charm4PyError", lambda: line[0:2], "destroyed")
    raises("combination with one", "Charm4PyError", lambda: charm.combine(plane, line), "destroyed")
    eq("who has gone has left the combination", get(m), list(range(n)))
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_who_may_make_them(n: int | None) -> None:
    """From any PE and any coroutine; sections of groups by their PEs from any method; `async def` awaits them."""
    holds(
        ELEMENTS
        + """
import asyncio

class Plain(Chare):
    def __init__(self, group):
        self.mine = charm.split(group, 1, elems=[charm.myPe()])[0]  # in a constructor
    def of_group(self, group):
        n = charm.numPes()
        first, both = charm.split(group, 2, elems=[[0], {0, n - 1}])
        return [s.idx(ret=True) for s in (first, both, group[::-1], group[-1:], self.mine, charm.thisProxy[0:1].myPe.proxy)
                if s is not None and "Runtime" not in repr(s)]
    def early(self, group):
        s = group[0:1]
        s.add(4)
        return s.total(ret=True)
    def refused(self, p, g):
        failures = []
        for what in (lambda: charm.split(p, 1, lambda e: 0), lambda: charm.split(p, 1, elems=[0]), lambda: p[0:1],
                     lambda: charm.combine(p), lambda: charm.split(charm.thisProxy, 1, lambda e: 0),
                     lambda: g[0:1], lambda: charm.split(g, 1, elems=[0])):
            try:
                what()
                failures.append("done")
            except Exception as error:
                if "Plain.refused() cannot wait" not in str(error) or "@coro" not in str(error):
                    failures.append(repr(error))
        for what, kind, word in ((lambda: group_of(self)[5:5], ValueError, "empty"), (lambda: charm.split(group_of(self), 1, elems=[99]), ValueError, "99"),
                           (lambda: charm.split(group_of(self), 1, elems=[[-1]]), ValueError, "-1"),
                           (lambda: charm.split(group_of(self), 1, elems=[]), ValueError, "empty")):
            try:
                what()
                failures.append("done")
            except kind as error:
                if word not in str(error):
                    failures.append(repr(error))
        return failures

def group_of(chare):
    return chare.thisProxy

class Async(Chare):
    async def make(self, line, group):
        a, b = await charm.split(line, 2, lambda e: e.thisIndex[0] % 2)
        c = (await charm.split(group, 1, elems=[0]))[0]
        d = await line[2:4]
        e = await charm.combine(d, group)
        f = charm.split(line, 1, lambda e: 0)
        await charm.wait([f])
        g = await f
        await charm.awaitCreation(d)
        await charm.awaitCreation(g[0])
        h = await (await group[:])[0:1]
        return [await s.idx(ret=True) for s in (a, b, c, d, e, g[0], h)], f
    async def fails(self, line):
        failures = []
        for what in (lambda: line[5:5], lambda: charm.split(line, 1, lambda e: 1 // 0), lambda: charm.split(line, 1, elems=[77])):
            try:
                await what()
            except Exception as error:
                failures.append(type(error).__name__)
        return failures
    async def inside(self, line):
        async def one(k):
            return await (await line[k:k + 1]).idx(ret=True)
        return await asyncio.gather(*(one(k) for k in range(3)))

class Coro(Chare):
    @coro
    def make(self, line, group):
        a, b = charm.split(line, 2, lambda e: e.thisIndex[0] % 2)
        return [s.idx(ret=True).get() for s in (a, b, line[1:3], charm.combine(line[0:1], group[0:1]), a[2:3])]
    @coro
    def __init__(self, line):
        self.part = line[0:1]
    def part_of(self):
        return self.part.idx(ret=True)

def main(args):
    n = charm.numPes()
    group, line = Group(E), Array(E, 4)
    some = Group(E, onPEs=[0])
    plain, async_, coros = Group(Plain, [group]), Group(Async), Group(Coro, [line])
    for pe, futures in enumerate(plain.of_group(group, ret=True).get(timeout=40)):
        eq("in a plain method", [f.get(timeout=40) for f in futures],
           [[0], sorted({0, n - 1}), list(range(n)), [n - 1], [pe]])
    eq("called at once", plain[n - 1].early(group, ret=True).get(timeout=40).get(timeout=40), [4])
    eq("what needs a coroutine", plain[n - 1].refused(line, some, ret=True).get(timeout=40), [])
    odd, even = [(1,), (3,)], [(0,), (2,)]
    for pe in range(n):
        got, f = async_[pe].make(line, group, ret=True).get(timeout=40)
        eq("in an async def", got, [even, odd, [0], [(2,), (3,)], list(range(n)) + [(2,), (3,)], get(line), [0]])
        eq("the future is one like others", [get(s) for s in f.get(timeout=40)], [get(line)])
        eq("in a @coro", coros[pe].make(line, group, ret=True).get(timeout=40), [even, odd, [(1,), (2,)], [0, (0,)], [(2,)]])
        eq("in a constructor", coros[pe].part_of(ret=True).get(timeout=40).get(timeout=40), [(0,)])
    eq("errors when awaited", async_[n - 1].fails(line, ret=True).get(timeout=40), ["ValueError", "ZeroDivisionError", "ValueError"])
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_beside_everything_else(n: int) -> None:
    """Messages before they are complete; many at once; channels, futures and conditions; insertion and destruction."""
    holds(
        ELEMENTS
        + """
class W(Chare):
    def __init__(self):
        self.got, self.open = [], False
    @when("self.open")
    def late(self, x):
        self.got.append(x)
    def let(self):
        self.open = True
    @coro
    def ring(self, section, size):
        ends = Channel(self, self.thisProxy[(self.thisIndex[0] + 1) % size]), Channel(self, self.thisProxy[(self.thisIndex[0] - 1) % size])
        total = self.allreduce(1, Reducer.sum, section)
        ends[0].send(self.thisIndex[0])
        return ends[1].recv() + total.get()
    @coro
    def take(self, f):
        return f.get() + self.thisIndex[0]
    def seen(self):
        return self.got

class Splitter(Chare):
    @coro
    def many(self, line, k):
        sections = []
        for _ in range(k):
            sections += charm.split(line, 3, lambda e: [e.thisIndex[0] % 3, (e.thisIndex[0] + 1) % 3])
        for s in sections:
            s.add()
        return sections

def main(args):
    n = charm.numPes()
    line = Array(E, 30)  # not awaited
    s = line[::3]
    s.add(2)  # before anything is known to be there
    eq("messages before the end of creation", get(line, "total"), [2, 0, 0] * 10)
    makers = Group(Splitter)
    made = [makers[pe].many(line, 5, ret=True) for pe in range(n)]
    for f in made:
        sections = f.get(timeout=50)
        eq("made by many at once", [len(get(x)) for x in sections], [20] * 15)
        eq("and reduced", [reduced(x, Reducer.sum, 1) for x in sections[:3]], [20] * 3)
    eq("each call once", get(line, "total"), [2 + 10 * n, 10 * n, 10 * n] * 10)

    size = 6
    ring = Array(W, size)
    inner = ring[0:size]
    eq("channels beside a section's reduction", inner.ring(inner, size, ret=True).get(timeout=40),
       [(i - 1) % size + size for i in range(size)])
    gate = Future()
    waiting = ring[2:4].take(gate, ret=True)
    gate.send(10)
    eq("futures", waiting.get(timeout=40), [12, 13])
    some = ring[::2]
    answered = some.late(5, awaitable=True)
    check("conditions hold calls back", not answered.ready())
    some.let()
    eq("and let them go", answered.get(timeout=40), None)
    eq("of members", ring.seen(ret=True).get(timeout=40), [[5], []] * 3)

    grown = Array(E, ndims=1)
    for i in range(5):
        grown.ckInsert(i)
    grown.ckDoneInserting()
    get(grown)
    part = grown[1:]
    grown.ckInsert(7)
    grown.ckDoneInserting()
    eq("later elements do not join", (get(part), get(grown)), ([(i,) for i in range(1, 5)], [(i,) for i in (0, 1, 2, 3, 4, 7)]))

    order = Array(E, 8)[2:6]
    futures = [order.add(10**k, awaitable=True) for k in range(20)]
    charm.wait(futures, timeout=40)
    eq("many calls", get(order, "total"), [int("1" * 20)] * 4)
    first = next(iter(charm.iwait([order.idx(ret=True)])))
    eq("iwait", first.get(), [(2,), (3,), (4,), (5,)])
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_section_functions_fail(n: int | None) -> None:
    """Exceptions of a section_func come to the caller of split as themselves, and nothing is made."""
    holds(
        ELEMENTS
        + """
class Own(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b

def main(args):
    n = charm.numPes()
    line, group = Array(E, 8), Group(E)
    def boom(e):
        if e.thisIndex == (7,):
            raise Own("no luck", 42)
        return 0
    error = raises("as itself", Own, lambda: charm.split(line, 1, boom), "no luck")
    check("whole", getattr(error, "b", None) == 42)
    pe, text = error.remote_stacktrace
    check("with its place", pe == get(line[7], "where") and "in boom" in text and "no luck" in text)
    for what, f, kind, words in (
            ("too large", lambda e: e.thisIndex[0], ValueError, ["E", "numsections is 4", "section"]),
            ("one too large", lambda e: [0, 4], ValueError, ["section 4"]),
            ("huge", lambda e: 2**40, ValueError, [str(2**40)]),
            ("beyond 64 bits", lambda e: 2**70, ValueError, ["section_func"]),
            ("a string", lambda e: "ab", TypeError, ["section_func", "'a'"]), ("a float", lambda e: 0.5, TypeError, ["0.5"]),
            ("a float inside", lambda e: [0, 1.5], TypeError, ["1.5"]), ("a coroutine", asynchronous, TypeError, ["coroutine"]),
            ("no parameter", lambda: 0, TypeError, ["argument"]), ("two", lambda e, f: 0, TypeError, ["argument"]),
            ("iteration fails", lambda e: iter_fails(), LookupError, ["half"]),
            ("an attribute", lambda e: e.nosuch, AttributeError, ["nosuch"]),
            ("waiting", lambda e: Future().get(), "NotThreadedError", []),
            ("a wait for a future", lambda e: charm.split(line, 1, lambda e: 0), "NotThreadedError", [])):
        raises(what, kind, lambda: charm.split(line, 4, f), *words)
    error = raises("which element", ValueError, lambda: charm.split(line, 2, lambda e: 2 if e.thisIndex[0] == 5 else 0), "(5,)")
    error = raises("which element of a group", ValueError, lambda: charm.split(group, 1, lambda e: 1 if e.thisIndex == n - 1 else 0),
                   f"element {n - 1} of E")
    raises("nobody joins", ValueError, lambda: charm.split(line, 1, lambda e: -1), "empty")
    raises("one stays empty", ValueError, lambda: charm.split(line, 3, lambda e: [0, 2]), "empty", "1")
    class Sour:
        def __reduce__(self):
            return (sour, ())
    raises("a function that cannot be read elsewhere", ArithmeticError, lambda: charm.split(line, 1, Sour_call(Sour())), "sour")
    class Fixed:
        def __reduce__(self):
            raise TypeError("stays here")
    fixed = Fixed()
    raises("one that cannot be sent", TypeError, lambda: charm.split(line, 1, lambda e: fixed), "stays here")
    eq("all goes on", get(charm.split(line, 1, lambda e: 0 if e.thisIndex[0] else -1)[0]), [(i,) for i in range(1, 8)])
    done()

async def asynchronous(e):
    return 0

def iter_fails():
    yield 0
    raise LookupError("half way")

def sour():
    raise ArithmeticError("sour")

class Sour_call:
    def __init__(self, inside):
        self.inside = inside
    def __call__(self, e):
        return 0

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_misuse(n: int) -> None:
    """Text, type and place of what is refused: at the call, never an AssertionError, and all goes on."""
    holds(
        ELEMENTS
        + """
class Main(Chare):
    def __init__(self, args):
        line, plane, group, single = Array(E, 6), Array(E, (2, 2)), Group(E), Chare(E)
        f = lambda e: 0
        for what, call, kind, words in (
                ("no argument", lambda: charm.split(), TypeError, ["split"]),
                ("no number", lambda: charm.split(line), TypeError, ["numsections"]),
                ("neither", lambda: charm.split(line, 2), TypeError, ["section_func", "elems", "none"]),
                ("both", lambda: charm.split(line, 1, f, [[0]]), TypeError, ["section_func", "elems", "both"]),
                ("number 0", lambda: charm.split(line, 0, f), ValueError, ["numsections", "0"]),
                ("a negative number", lambda: charm.split(line, -1, f), ValueError, ["numsections", "-1"]),
                ("a float", lambda: charm.split(line, 2.0, f), TypeError, ["numsections", "float"]),
                ("a string", lambda: charm.split(line, "2", f), TypeError, ["numsections", "str"]),
                ("no function", lambda: charm.split(line, 1, 5), TypeError, ["section_func", "int"]),
                ("no proxy", lambda: charm.split(5, 1, f), TypeError, ["proxies", "int"]),
                ("a method", lambda: charm.split(line.idx, 1, f), TypeError, ["RemoteMethod"]),
                ("an element", lambda: charm.split(line[0], 1, f), TypeError, ["element", "thisProxy"]),
                ("a single chare", lambda: charm.split(single, 1, f), TypeError, ["chare of its own"]),
                ("the main chare", lambda: charm.split(self.thisProxy, 1, f), TypeError, ["chare of its own"]),
                ("the main chare", lambda: self.thisProxy[0:1], TypeError, ["chare of its own"]),
                ("the main chare", lambda: charm.combine(self.thisProxy), TypeError, ["chare of its own"]),
                ("too few lists", lambda: charm.split(line, 2, elems=[[0]]), ValueError, ["numsections is 2", "1"]),
                ("too many", lambda: charm.split(line, 1, elems=[[0], [1]]), ValueError, ["numsections is 1", "2"]),
                ("too many", lambda: charm.split(line, 2, elems=[[0], [1], [2]]), ValueError, ["numsections is 2", "3"]),
                ("flat for two", lambda: charm.split(line, 2, elems=[0, 1]), TypeError, ["elems[0]", "int"]),
                ("no list", lambda: charm.split(line, 1, elems=3), TypeError, ["elems", "int"]),
                ("an empty list", lambda: charm.split(line, 2, elems=[[0], []]), ValueError, ["section 1", "empty"]),
                ("an empty list", lambda: charm.split(line, 1, elems=[]), ValueError, ["section 0", "empty"]),
                ("dimensions", lambda: charm.split(line, 1, elems=[(0, 1)]), ValueError, ["dimension", "(0, 1)"]),
                ("dimensions", lambda: charm.split(plane, 1, elems=[0]), ValueError, ["dimension"]),
                ("a string as index", lambda: charm.split(line, 1, elems=["a"]), TypeError, ["integers", "str"]),
                ("a float as index", lambda: charm.split(line, 1, elems=[[0.5]]), TypeError, ["integers", "float"]),
                ("no such element", lambda: charm.split(line, 1, elems=[0, 17]), ValueError, ["17"]),
                ("no such element", lambda: charm.split(line, 1, elems=[-1]), ValueError, ["-1"]),
                ("no such element", lambda: charm.split(plane, 1, elems=[(0, 0), (5, 0)]), ValueError, ["5"]),
                ("not in the section", lambda: charm.split(line[0:2], 1, elems=[3]), ValueError, ["3"]),
                ("no such PE", lambda: charm.split(group, 1, elems=[99]), ValueError, ["99"]),
                ("no such PE", lambda: charm.split(group, 1, elems=[[-1]]), ValueError, ["-1"]),
                ("unknown keyword", lambda: charm.split(line, 1, f, colour=1), TypeError, ["colour"]),
                ("combine by name", lambda: charm.combine(line, proxy=line), TypeError, ["combine"]),
                ("map", lambda: Array(E, 2, map=Group(E, onPEs=[0])), TypeError, ["map"])):
            raises(what, kind, call, *words)
        eq("all goes on", get(charm.split(line, 1, f)[0]), get(line))
        done()

charm.start(Main)
""",
        n,
    )


def test_before_the_start() -> None:
    result = run(
        """
        for call in (lambda: charm.split(1, 1, len), lambda: charm.combine(), lambda: Group(Chare, onPEs=[0])):
            try:
                call()
            except Exception as error:
                print(type(error).__name__, error)
        charm.exit()
        """,
        None,
    )
    assert result.stdout.count("Charm4PyError the runtime is not running") == 3, result.said
