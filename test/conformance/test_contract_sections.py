"""§9, §5.1, §6.1: what sections are made of: split, slices, combine, groups on some PEs."""

from __future__ import annotations

import pytest
from harness import PES, holds
from section_elements import ELEMENTS

ALL = (None, *PES)


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
    young = Array(E, ndims=1)
    raises("nothing was inserted yet", ValueError, lambda: young[:], "empty")
    young.ckInsert(3)
    young.ckInsert(5)
    part = young[0:10]  # before ckDoneInserting
    young.ckInsert(7)
    young.ckDoneInserting()
    eq("members are those of then", (get(young), get(part)), ([(3,), (5,), (7,)], [(3,), (5,)]))
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
    eq("calls wait for the creation", early.idx(ret=True).get(timeout=40), [(last, last, 9)])
    eq("of a member too", Group(G, [2], onPEs=[last])[last].idx(ret=True).get(timeout=40), (last, last, 2))
    charm.awaitCreation(early2 := Group(G, onPEs=some))
    eq("awaited", len(early2.idx(ret=True).get(timeout=40)), len(some))
    raises("once", "Charm4PyError", lambda: charm.awaitCreation(early2))
    for pe in range(n):
        made, numbers, got = Chare(Maker, onPE=pe).make([last], ret=True).get(timeout=40)
        eq("from any PE", (made.idx(ret=True).get(timeout=40), got.get(timeout=40)), ([(last, last, 3)],) * 2)
        eq("which made it", made.section[1][0], pe)
    eq("a slice of it", early2[:][0:1].idx(ret=True).get(timeout=40), [(0, 0, 0)])
    eq("a split of it", charm.split(early2, 1, elems=[last])[0].idx(ret=True).get(timeout=40), [(last, last, 0)])
    charm.waitQD()
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
