"""§9, §5.2, §5.3: sections as collections: reductions, callbacks, values, from anywhere, beside all else."""

from __future__ import annotations

import pytest
from harness import PES, holds
from section_elements import ELEMENTS

ALL = (None, *PES)


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
    for what, call in (("slice", lambda: s[0:1]), ("split", lambda: charm.split(s, 1, lambda e: 0)),
                       ("combine", lambda: charm.combine(s, line)), ("twice", lambda: s.destroy(awaitable=True).get(timeout=40)),
                       ("reduction", lambda: line[0].agree(s, ret=True).get(timeout=40))):
        raises(f"{what} of a destroyed section", "Charm4PyError", call, "destroyed")
    eq("elements go by themselves", get(s[2]), (2,))
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
        runtime = charm.thisProxy[0:1].myPe(ret=True)
        return [s.idx(ret=True) for s in (first, both, group[::-1], group[-1:], self.mine)] + [runtime]
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
           [[0], sorted({0, n - 1}), list(range(n)), [n - 1], [pe], [0]])
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

    some = charm.split(Group(E), 1, elems=[range(n)])[0]
    data = [1, 2]
    same = some.is_same(data, id(data), ret=True).get(timeout=40)
    check("arguments by reference, of members on the PE at the root", sum(same) == (some.section[0] == 0))
    eq("of one's own PE", Group(E)[0:1].is_same(data, id(data), ret=True).get(timeout=40), [True])

    first = next(iter(charm.iwait([order.idx(ret=True)])))
    eq("iwait", first.get(), [(2,), (3,), (4,), (5,)])
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", [n for n in PES if n > 1])
def test_members_that_move(n: int) -> None:
    """§13 refuses to move members of sections; they move: memberships, sequences of reductions and calls go along."""
    holds(
        ELEMENTS
        + """
class M(E):
    def __init__(self, *args):
        super().__init__()
        self.heard = []
    def roam(self, by=1):
        self.migrate((charm.myPe() + by) % charm.numPes())
    def hear(self, x):
        self.heard.append(x)
    def what(self):
        return self.heard

class Other(Chare):
    def hear(self, x):
        pass
    def roam(self):
        self.migrate((charm.myPe() + 1) % charm.numPes())

def main(args):
    n = charm.numPes()
    line = Array(M, 12)
    a, b = charm.split(line, 2, elems=[range(0, 8), range(4, 12)])
    at = get(line, "where")
    for k in range(30):  # nobody waits for anything
        a.hear(k)
        if k % 5 == 0:
            line.roam(1 + k % 2)
        b.hear(100 + k)
    f, g = Future(), Future()
    a.give(a, f, Reducer.gather)
    b.roam()
    b.give(b, g, Reducer.sum)
    eq("reductions", (f.get(timeout=40), g.get(timeout=40)), (list(range(8)), 60))
    charm.waitQD()
    check("they have moved", get(line, "where") != at)
    heard = get(line, "what")
    eq("each once, those of one section in order", [[x for x in one if x < 100] for one in heard],
       [list(range(30)) if i < 8 else [] for i in range(12)])
    eq("the other's", [[x for x in one if x >= 100] for one in heard],
       [list(range(100, 130)) if i >= 4 else [] for i in range(12)])
    eq("results by index", get(b), [(i,) for i in range(4, 12)])
    eq("allreduce", a.agree(a, 3, ret=True).get(timeout=40), [[28, 36, 44]] * 8)
    eq("errors in their place", [str(x) if isinstance(x, KeyError) else x for x in a.fails_at((3,), ret=True).get(timeout=40)],
       [(0,), (1,), (2,), "'at (3,)'", (4,), (5,), (6,), (7,)])
    bits = a.agree_async(a, ret=True).get(timeout=40)
    eq("async def", bits, [7] * 8)

    for k in range(6):  # sections of what is on its way, and of sections of it
        line.roam()
        c, d = charm.split(line, 2, lambda chare: chare.thisIndex[0] % 3 - 1)
        a.roam()
        e = charm.split(a, 1, elems=[[1, 4, 7]])[0]
        both = charm.combine(b, c)
        eq("chosen", (get(c), get(d)), ([(1,), (4,), (7,), (10,)], [(2,), (5,), (8,), (11,)]))
        eq("of a section", get(e), [(1,), (4,), (7,)])
        eq("combined", get(both), [(i,) for i in (1, *range(4, 12))])
        eq("reduced", [reduced(s, Reducer.sum) for s in (c, d, e, both)], [22, 26, 12, 61])
        line.roam()
        for s in (c, d, e, both):
            s.destroy(awaitable=True).get(timeout=40)

    others = Array(Other, 4)
    mixed = charm.combine(line, others)
    line.roam()
    for _ in range(2):
        raises("no such method", AttributeError, lambda: mixed.idx(awaitable=True).get(timeout=40), "combined section")
        others.roam(awaitable=True).get(timeout=40)
    swapped = charm.combine(others, line)
    line.roam()
    swapped.hear(7, awaitable=True).get(timeout=40)
    charm.waitQD()
    eq("methods by name", [one[-1] for one in get(line, "what")], [7] * 12)

    few, f = charm.split(a, 1, elems=[[1, 2]])[0], Future()
    line.roam()
    few.give(a, f, Reducer.sum)
    few.add(awaitable=True).get(timeout=40)
    line.roam()
    line.destroy(awaitable=True).get(timeout=40)
    eq("members that are destroyed leave", f.get(timeout=40), 3)
    eq("a section whose members are gone", a.idx(ret=True).get(timeout=40), [])
    done()

charm.start(main)
""",
        n,
    )
