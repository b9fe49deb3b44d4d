"""Values as arguments and results, between PEs and on one: arrays of every layout, objects of every kind."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)

ARRAYS = """
def arrays():
    base = np.arange(60, dtype="f8").reshape(3, 4, 5)
    big = np.arange(300 * 400, dtype="i4").reshape(300, 400)
    point = np.dtype([("x", "f4"), ("y", "i8", (2,)), ("name", "U5"), ("sub", [("a", "u1"), ("b", "c8")])])
    points = np.zeros((2, 3), point)
    points["x"], points["name"], points["sub"]["b"] = 1.5, "zür", 2j
    readonly = np.arange(5)
    readonly.setflags(write=False)
    out = {
        "C": base, "Fortran": np.asfortranarray(base), "transposed": base.T, "swapped": base.swapaxes(0, 1),
        "strided": base[::2, 1::2, ::3], "reversed": base[::-1, :, ::-1], "column": base[:, 1, :], "inner": base[1:2, 1:3, 2:4],
        "0-d": np.array(3.5), "0-d int": np.array(7, "u2"), "empty": np.zeros(0), "empty 2-D": np.zeros((3, 0, 2), "i2"),
        "one": np.array([1]), "broadcast": np.broadcast_to(np.arange(3), (4, 3)), "big": big, "big Fortran": np.asfortranarray(big),
        "big column": big[:, 17], "big strided": big[::3, ::-2], "big transposed": big.T, "9-D": np.ones((1, 2, 1, 2, 1, 2, 1, 1, 3), "i1"),
        "structured": points, "structured slice": points[:, ::2], "aligned": np.zeros(3, np.dtype([("a", "i1"), ("b", "f8")], align=True)),
        "subarray": points["y"], "big-endian": np.arange(5, dtype=">i4"), "big-endian float": np.arange(5, dtype=">f8"),
        "dates": np.array(["2020-02-29", "NaT"], "M8[D]"), "differences": np.array([1, 2], "m8[us]"), "strings": np.array(["a", "zür"]),
        "bytes": np.array([b"a", b"bc"]), "void": np.array([b"abc", b"def"], "V3"), "objects": np.array([1, "x", None, [2]], object),
        "readonly": readonly, "nan": np.array([np.nan, -0.0, np.inf]), "longdouble": np.arange(3, dtype=np.longdouble),
    }
    for dtype in "? i1 i2 i4 i8 u1 u2 u4 u8 f2 f4 f8 c8 c16".split():
        out[f"dtype {dtype}"] = np.array([[0, 1, 2], [3, 100, 5]]).astype(dtype)
    return out
"""


@pytest.mark.parametrize("n", ALL)
def test_arrays(n: int | None) -> None:
    holds(
        ARRAYS
        + """
class E(Chare):
    def check(self, name, a, again=None):
        want = arrays()[name]
        problems = []
        if type(a) is not np.ndarray or a.dtype != want.dtype or a.shape != want.shape or not same(a, want):
            problems.append(f"{name}: {a!r:.200} {a.dtype} {a.shape}, expected {want!r:.200} {want.dtype}")
        if charm.myPe() != 0:
            if not a.flags.writeable or not a.flags.aligned and want.flags.aligned:
                problems.append(f"{name}: {a.flags}")
            else:
                a[...] = a.flat[0] if a.size else 0
        if again is not None and not same(again, want):
            problems.append(f"{name}, again: {again!r:.200}")
        return problems
    def give(self, name):
        return arrays()[name]
    def give_all(self):
        return arrays()
    def count(self, *all_of_them):
        return [a.shape for a in all_of_them]

def main(args):
    pes, last = range(charm.numPes()), charm.numPes() - 1
    group, array = Group(E), Array(E, 6)
    for name, a in arrays().items():
        copy = a.copy()
        for got in (group[last].check(name, a, ret=True).get(), array[5].check(name, a=a, again=a.copy(), ret=True).get()):
            eq("to another PE", got, [])
        for proxy, size in ((group, charm.numPes()),):
            eq("broadcast", proxy.check(name, a, ret=True).get(), [[]] * size)
        check(f"{name}: the sender's is untouched", same(a, copy))
        got = array[5].give(name, ret=True).get()
        check(f"{name}: result {got!r:.200} {got.dtype}", same(got, copy))
        check(f"{name}: result is writable", got.flags.writeable or charm.numPes() == 1)
        future = Future()
        future.send(a)
        check(f"{name}: through a future", same(future.get(), copy))
    for got in array.give_all(ret=True).get():
        check("in a dict", same(got, arrays()))
    everything = list(arrays().values())
    eq("200 arrays", group[last].count(*everything * 4, ret=True).get(), [a.shape for a in everything] * 4)
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", (2,))
def test_a_hundred_megabytes(n: int) -> None:
    holds(
        """
        class E(Chare):
            def take(self, a, text):
                a[0] += 1
                return a[::1000].copy(), a.flags.writeable, a.nbytes, len(text)
            def give(self, size):
                return np.arange(size, dtype="f8")

        def main(args):
            size = 100 * 2**20 // 8
            e = Chare(E, onPE=1)
            a = np.arange(size, dtype="f8")
            part, writable, nbytes, length = e.take(a, b"x" * 10**7, ret=True).get()
            want = a[::1000].copy()
            want[0] += 1
            check("values", same(part, want))
            eq("whole and writable", (writable, nbytes, length), (True, a.nbytes, 10**7))
            check("the sender's is untouched", a[0] == 0)
            del a
            got = e.give(size, ret=True).get()
            check("as a result", got.shape == (size,) and got[-1] == size - 1 and got[12345] == 12345)
            done()

        charm.start(main)
        """,
        n,
        timeout=90,
    )


@pytest.mark.parametrize("n", ALL)
def test_objects(n: int | None) -> None:
    holds(
        """
        import array, collections, dataclasses, datetime, decimal, enum, fractions, functools, operator, pathlib, uuid

        class Plain:
            def __init__(self, x):
                self.x = x
            def __eq__(self, other):
                return type(other) is type(self) and self.x == other.x
            def __hash__(self):
                return 5

        class Stateful(Plain):
            def __getstate__(self):
                return {"packed": self.x}
            def __setstate__(self, state):
                self.x = state["packed"]

        class Slots:
            __slots__ = ("a",)
            def __init__(self, a):
                self.a = a
            def __eq__(self, other):
                return self.a == other.a

        @dataclasses.dataclass
        class Data:
            a: int
            b: list

        Pair = collections.namedtuple("Pair", "left right")
        class Colour(enum.Enum):
            RED = 1
        class Number(enum.IntEnum):
            ONE = 1
        class MyInt(int): pass
        class MyStr(str): pass
        class MyList(list): pass
        class MyDict(dict): pass
        class MyTuple(tuple): pass
        class MyArray(np.ndarray): pass

        def double(x):
            return 2 * x

        VALUES = [
            None, True, False, 0, -1, 255, 2**31, -(2**31), 2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 10**300, -(10**300),
            0.0, -0.0, 1.5, float("inf"), float("nan"), 5e-324, 1 + 2j, "", "x", "zürich \\N{SNOWMAN} \\N{PILE OF POO}", "a\\0b", "\\udc80", "x" * 10**5,
            b"", b"\\0\\xff", b"x" * 10**5, bytearray(b"abc"), (), (1,), [], [[]], {}, {"a": {"b": {"c": [1, (2, {3})]}}},
            {1: 2, "x": None, (1, 2): [3], None: 4, 2.5: b"5"}, {1, 2}, frozenset({"a"}), range(3, 30, 4), slice(1, 2, None), Ellipsis,
            [1, 2.0, "3", b"4", None, True, [5], (6,), {7: 8}], list(range(10000)), [0.5] * 1000, ["x"] * 1000, tuple(range(1000)),
            {str(k): k for k in range(1000)}, array.array("d", [1.5, 2]), array.array("i", range(1000)), array.array("u", "zür"), array.array("b"),
            datetime.datetime(2020, 2, 29, 12), datetime.timedelta(1), decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=5),
            pathlib.Path("/a/b"), Plain([1]), Stateful("s"), Slots({1}), Data(1, [Plain(2)]), Pair(1, "r"), Colour.RED, Number.ONE, MyInt(5),
            MyStr("s"), MyList([1]), MyDict(a=1), MyTuple((1, 2)), collections.OrderedDict(b=1, a=2), collections.defaultdict(list, a=[1]),
            collections.deque([1, 2], 5), collections.Counter("aab"), int, Plain, Colour, double, len, operator.add, np, np.float32, np.dtype("f4"),
            np.float64(1.5), np.float32(1.5), np.int8(3), np.int64(5), np.bool_(True), np.complex64(2j), np.str_("x"), np.datetime64("2020-01-01"),
            [np.float64(1), 1.0], {Plain(1): np.arange(3)}, [np.arange(3), {"a": np.zeros((2, 2))}], np.arange(6).view(MyArray),
            memoryview(b"abc").tobytes(), type(None), NotImplemented, functools.partial(operator.add, 1).func,
        ]

        class E(Chare):
            def check(self, k, x):
                return same(x, VALUES[k]) or f"{type(x)} {x!r:.100}"
            def back(self, x):
                return x
            def named(self, *args, **named):
                return args, named
            def call(self, f, *args):
                return f(*args)
            def give(self, k):
                return VALUES[k]
            def shared(self, a, b, data):
                return a is b, data["x"] is data["y"]
            def cycle(self, a):
                return a[0] is a and a[1] == 5
            def make_function(self, k):
                return lambda x: x + k
            def negative_zero(self, x):
                return str(x)

        def main(args):
            last = charm.numPes() - 1
            elements, group = Array(E, 6), Group(E)
            e = elements[5]
            for k, x in enumerate(VALUES):
                what = f"{type(x).__name__} {x!r:.60}"
                eq(what, e.check(k, x, ret=True).get(), True)
                eq(f"{what}, named", e.check(x=x, k=k, ret=True).get(), True)
                eq(f"{what}, as a result", e.give(k, ret=True).get(), x)
                eq(f"{what}, back", group.back([x, {"k": x}], ret=True).get()[last], [x, {"k": x}])
            eq("many", e.named(*VALUES, ret=True).get(), (tuple(VALUES), {}))
            eq("many by name", e.named(**{f"k{k}": x for k, x in enumerate(VALUES)}, ret=True).get(),
               ((), {f"k{k}": x for k, x in enumerate(VALUES)}))
            eq("-0.0", e.negative_zero(-0.0, ret=True).get(), "-0.0")
            factor = 3
            def closure(x):
                return x * factor
            class Local:
                def __init__(self, x):
                    self.x = x
            eq("lambda", e.call(lambda: 42, ret=True).get(), 42)
            eq("closure", e.call(closure, 5, ret=True).get(), 15)
            eq("function of the program", e.call(double, 5, ret=True).get(), 10)
            eq("partial", e.call(functools.partial(operator.add, 1), 5, ret=True).get(), 6)
            eq("bound method of an object", e.call([3, 1, 2].index, 2, ret=True).get(), 2)
            eq("local class", e.call(lambda x: x.x, Local(7), ret=True).get(), 7)
            eq("lambda as a result", e.make_function(5, ret=True).get()(1), 6)
            eq("lambda inside", e.call(lambda d: d["f"][0](2), {"f": [lambda x: x + factor]}, ret=True).get(), 5)
            same_one = [1, 2]
            eq("shared", e.shared(same_one, same_one, {"x": same_one, "y": same_one}, ret=True).get(), (True, True))
            cycle = [None, 5]
            cycle[0] = cycle
            eq("cycle", e.cycle(cycle, ret=True).get(), True)
            deep = []
            for _ in range(200):
                deep = [deep]
            eq("deep", repr(e.back(deep, ret=True).get()), repr(deep))
            if last > 0:
                import threading
                error = raises("cannot be sent", Exception, lambda: e.back(threading.Lock()))
            eq("still well", e.back(5, ret=True).get(), 5)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
@pytest.mark.parametrize("by_reference", (True, False))
def test_by_reference_on_one_pe_by_value_to_others(n: int | None, by_reference: bool) -> None:
    holds(
        f"""
        if not {by_reference}:
            charm.options.local_msg_optim = False
        BY_REFERENCE = {by_reference}
        """
        + """
        class Box:
            def __init__(self):
                self.x = 0

        class E(Chare):
            def change(self, items, array, box, data, k=None):
                items.append(1)
                array[0] = 99
                box.x = 5
                data["new"] = True
            def identity(self, x):
                return id(x)
            def keep(self, x):
                self.kept = x
            def kept_value(self):
                return self.kept
            @coro
            def change_later(self, items, gate):
                gate.get()
                items.append(2)

        def main(args):
            here, last = Chare(E, onPE=0), charm.numPes() - 1
            charm.awaitCreation(here)
            for e, pe in ((here, 0), (Group(E)[0], 0), (Group(E)[last], last), (Chare(E, onPE=last), last)):
                items, a, box, data = [0], np.arange(3), Box(), {}
                e.change(items, a, box, data=data, awaitable=True).get()
                got = items, a.tolist(), box.x, data
                if pe == 0 and BY_REFERENCE:
                    eq(f"by reference, {e}", got, ([0, 1], [99, 1, 2], 5, {"new": True}))
                    eq("the object itself", e.identity(items, ret=True).get(), id(items))
                else:
                    eq("by value", got, ([0], [0, 1, 2], 0, {}))
                gate, items = Future(), [0]
                later = e.change_later(items, gate, awaitable=True)
                gate.send()
                later.get()
                eq("coroutine", items, [0, 2] if pe == 0 and BY_REFERENCE else [0])
                # By value means the value at the call.
                items = [0]
                e.keep(items)
                items.append("after the call")
                if pe != 0 or not BY_REFERENCE:
                    eq("as it was", e.kept_value(ret=True).get(), [0])
                a = np.zeros(100_000)
                e.keep(a)
                a[:] = 7
                if pe != 0 or not BY_REFERENCE:
                    eq("as it was", float(e.kept_value(ret=True).get().sum()), 0.0)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_by_reference_before_the_chare_exists(n: int | None) -> None:
    """The first call of a chare that is being made on this PE is no exception."""
    holds(
        """
        class E(Chare):
            def change(self, items):
                items.append(1)

        def main(args):
            for make in (lambda: Chare(E, onPE=0), lambda: Group(E)[0], lambda: Array(E, 1)[0]):
                items = []
                make().change(items, awaitable=True).get()
                eq("by reference", items, [1])
            done()

        charm.start(main)
        """,
        n,
    )
