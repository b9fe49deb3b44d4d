"""Proxies: identity on every PE, indexing, attributes, bound methods as callbacks, independence of element proxies."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_identity(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def me(self):
                return self.thisProxy
            def my_element(self):
                return self.thisProxy[self.thisIndex]
            def find(self, table, key):
                return table[self.thisProxy], table[self.thisProxy[self.thisIndex]], table[key], len(table)
            def equal(self, a, b):
                return a == b, a != b, hash(a) == hash(b), {a} == {b}
            def send_back(self, x):
                return x

        class Main(Chare):
            def __init__(self, args):
                group, other, array = Group(E), Group(E), Array(E, (3, 2))
                single = Chare(E, onPE=charm.numPes() - 1)
                everything = [group, other, array, single, self.thisProxy, charm.thisProxy]
                everything += [group[pe] for pe in range(charm.numPes())] + [other[0], charm.thisProxy[0]]
                everything += [array[i, j] for i in range(3) for j in range(2)]
                check("all different", len(set(everything)) == len(everything))
                for i, p in enumerate(everything):
                    for j, q in enumerate(everything):
                        check(f"{i} and {j} are different", (p == q) == (i == j) and (p != q) == (i != j))
                    check("a proxy and something else", p != 5 and p != None and not p == "x")
                check("collection and element", group != group[0] and array != array[0, 0])
                check("new element proxies are equal", group[0] == group[0] and hash(array[1, 1]) == hash(array[1, 1]))
                for k in range(2, 6):
                    for p in everything:
                        q = pickle.loads(pickle.dumps(p, k))
                        check(f"pickled, protocol {k}", p == q and hash(p) == hash(q))
                check("thisProxy of a group", all(p == group for p in group.me(ret=True).get()))
                check("thisProxy of an array", all(p == array for p in array.me(ret=True).get()))
                check("thisProxy of a single", single.me(ret=True).get() == single)
                check("elements", group.my_element(ret=True).get() == [group[pe] for pe in range(charm.numPes())])
                check("elements", array.my_element(ret=True).get() == [array[i] for i in np.ndindex(3, 2)])
                for p in everything:
                    back = array.send_back(p, ret=True).get()
                    check("there and back", all(p == q and hash(p) == hash(q) for q in back))
                table = {p: k for k, p in enumerate(everything)}
                for pe, got in enumerate(group.find(table, other, ret=True).get()):
                    eq("key on another PE", got, (0, 6 + pe, 1, len(everything)))
                for i, got in enumerate(array.find(table, self.thisProxy, ret=True).get()):
                    eq("key on another PE", got, (2, table[array[divmod(i, 2)]], 4, len(everything)))
                for p, q in ((group, other), (array[0, 0], array[0, 1]), (group, group[0]), (single, self.thisProxy)):
                    eq("unequal elsewhere", group.equal(p, q, ret=True).get()[-1][:2], (False, True))
                    eq("equal elsewhere", group.equal(p, pickle.loads(pickle.dumps(p)), ret=True).get()[-1],
                       (True, False, True, True))
                check("of the runtime", charm.thisProxy == charm.thisProxy)
                done()

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_indexing(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            def index(self):
                return self.thisIndex

        def main(args):
            last = charm.numPes() - 1
            group, line, plane, cube = Group(E), Array(E, 5), Array(E, (3, 4)), Array(E, (2, 2, 2))
            def index(proxy):
                return proxy.index(ret=True).get()
            eq("group", index(group[last]), last)
            eq("group, numpy", index(group[np.int64(last)]), last)
            for key in (3, (3,), [3], np.int32(3), np.int64(3), np.uint8(3), True + 2):
                eq(f"line {key!r}", index(line[key]), (3,))
            for key in ((2, 1), [2, 1], (np.int64(2), 1)):
                eq(f"plane {key!r}", index(plane[key]), (2, 1))
            eq("plane", index(plane[2, 1]), (2, 1))
            eq("cube", index(cube[1, 0, 1]), (1, 0, 1))
            check("forms are equal", line[3] == line[(3,)] == line[[3]] == line[np.int64(3)])
            one, two = line[1], line[2]
            eq("an element proxy stays what it is", (index(one), index(two), index(one)), ((1,), (2,), (1,)))
            eq("and the collection", len(line.index(ret=True).get()), 5)
            single = Chare(E)
            eq("single", index(single), (0,))
            check("its own element 0", single[0] == single and single[(0,)] == single)
            raises("it has no other", IndexError, lambda: single[1])
            for wrong in (-1, last + 1):
                raises("no such PE", IndexError, lambda: group[wrong], str(wrong))
            raises("too large", ValueError, lambda: line[2**70], "64-bit")
            for what in (lambda: list(line), lambda: len(line), lambda: 3 in line):
                raises("proxies are no sequences", TypeError, what)
            for what, wrong in (("too few", lambda: plane[1]), ("too many", lambda: plane[1, 2, 3]),
                                ("two for a line", lambda: line[1, 2]), ("a string", lambda: line["a"]),
                                ("a float", lambda: line[1.5]), ("none", lambda: plane[()]),
                                ("a string among them", lambda: plane[1, "b"]), ("two for a group", lambda: group[0, 1]),
                                ("a float for a group", lambda: group[0.5])):
                refused(what, wrong)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_attributes(n: int) -> None:
    holds(
        """
        class E(Chare):
            size = 3
            class Nested:
                pass
            def m(self):
                return 1
            def ids(self):
                p = self.thisProxy
                return p.gid if isinstance(self.thisIndex, int) else p.aid

        class Main(Chare):
            def __init__(self, args):
                group, plane = Group(E), Array(E, (3, 2))
                eq("whole group", group.elemIdx, -1)
                eq("element of a group", group[charm.numPes() - 1].elemIdx, charm.numPes() - 1)
                eq("whole array", plane.elemIdx, ())
                eq("element of an array", plane[2, 1].elemIdx, (2, 1))
                eq("ndims", (plane.ndims, plane[0, 0].ndims, Array(E, ndims=5).ndims), (2, 2, 5))
                check("gid of an element", group.gid == group[0].gid and group.gid != Group(E).gid)
                check("aid of an element", plane.aid == plane[1, 1].aid and plane.aid != Array(E, 2).aid)
                check("ids are the same everywhere", all(x == group.gid for x in group.ids(ret=True).get()))
                check("ids are the same everywhere", all(x == plane.aid for x in plane.ids(ret=True).get()))
                check("no section", group.issec is False and plane.issec is False)
                check("cid", self.thisProxy.cid is not None)
                for name in ("nosuch", "size", "Nested", "wait", "contribute", "reduce", "allreduce", "AtSync", "__secret__"):
                    raises(name, AttributeError, lambda: getattr(group, name), name)
                    check(name, not hasattr(plane[0, 0], name))
                check("a method", callable(group.m) and callable(plane[0, 0].m))
                for proxy in (group, group[0], plane, plane[1, 1], self.thisProxy):
                    check("tab completion", {"m", "ids", "destroy"} <= set(dir(proxy)) or proxy == self.thisProxy)
                    check("of remote methods only", not {"size", "Nested", "wait", "__secret__"} & set(dir(proxy)))
                    check("all there", all(hasattr(proxy, name) for name in dir(proxy)))
                    eq("its type", (str(type(proxy)), type(proxy).__name__), ("<class 'chariot._core.Proxy'>", "Proxy"))
                check("the runtime's", {"exit", "updateGlobals", "myPe"} <= set(dir(charm.thisProxy)))
                check("text for people", "E" in repr(group) and "E" in repr(plane[1, 1]) and "m" in repr(group.m))
                done()

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_bound_methods_as_callbacks(n: int | None) -> None:
    holds(
        """
        class Target(Chare):
            def __init__(self):
                self.heard = []
            def hear(self, *args, **named):
                self.heard.append((args, named))
            def twice(self, x):
                return 2 * x, self.thisIndex
            def told(self):
                heard, self.heard = self.heard, []
                return heard

        class Third(Chare):
            def call(self, callback, *args, **named):
                assert callback(*args, **named) is None
            def pass_on(self, there, callback, value):
                there.call(callback, value)
            def nested(self, data):
                data["callbacks"][0](1, k=2)
            @coro
            def ask(self, method, x):
                return method(x, ret=True).get()
            def same(self, a, b, c):
                return a == b, a == c, hash(a) == hash(b)
            def nothing(self):
                pass

        def main(args):
            last = charm.numPes() - 1
            third, middle = Chare(Third, onPE=last), Chare(Third, onPE=last // 2)
            group, array, single = Group(Target), Array(Target, 6), Chare(Target, onPE=last)

            def told(proxy):
                # What a third chare sends is not ordered with what we send: ask until something has been heard.
                while True:
                    got = proxy.told(ret=True).get()
                    if got:
                        return got

            for target in (group[0], group[last], array[0], array[5], single):
                third.call(target.hear, 1, "x", k=[3])
                eq("called", told(target), [((1, "x"), {"k": [3]})])
                third.call(target.hear)
                eq("no argument", told(target), [((), {})])
                middle.pass_on(third, target.hear, 42)
                eq("through two others", told(target), [((42,), {})])
                middle.nested({"callbacks": [target.hear]})
                eq("inside of data", told(target), [((1,), {"k": 2})])
                eq("with a result", third.ask(target.twice, 21, ret=True).get(), target.twice(21, ret=True).get())
            third.call(group.hear, "all")
            for element in [group[pe] for pe in range(charm.numPes())]:
                eq("a broadcast", told(element), [(("all",), {})])
            third.call(array.hear, "all")
            for i in range(6):
                eq("a broadcast", told(array[i]), [(("all",), {})])
            eq("result of a broadcast", third.ask(array.twice, 1, ret=True).get(), [(2, (i,)) for i in range(6)])
            eq("kept here", array[3].twice(1, ret=True).get(), (2, (3,)))
            later = array[3].twice
            eq("kept here", later(5, ret=True).get(), (10, (3,)))
            eq("pickled", pickle.loads(pickle.dumps(later))(5, ret=True).get(), (10, (3,)))
            eq("compared", third.same(later, array[3].twice, array[4].twice, ret=True).get(), (True, False, True))
            done()

        charm.start(main)
        """,
        n,
    )
