"""Values on their way between PEs: arguments, keywords, results, exceptions, with everything in between."""

import pytest
from harness import PES, Result, run


def attempt(source: str, pes: int) -> Result:
    return run(source, pes, timeout=100, preamble=False)


def succeed(source: str, pes: int) -> None:
    """The program checks itself; a failed assertion on any PE ends the job with its traceback."""
    result = attempt(source, pes)
    assert result.status == 0 and "all is well" in result.stdout, result.said


VALUES = """
import array, collections, math
from fractions import Fraction
import numpy as np
from chariot import charm, Chare, Group, Array, Future, Reducer, coro


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return type(other) is Point and (self.x, self.y) == (other.x, other.y)


def function_of_program(x):
    return 2 * x


structured = np.array([(1, 2.5, b"ab"), (3, 4.5, b"cd")], [("n", "i4"), ("x", ">f8"), ("s", "S2")])
base = np.arange(24.0).reshape(2, 3, 4)
VALUES = [
    None, True, False, 0, -1, 2**62, 2**63, -(2**100), 10**300, 0.0, -0.0, 1.5, math.inf, "", "abc", "\\u65e5\\u672c", "\\ud800",
    b"", b"bytes", bytes(10_000), bytearray(b"xy"), (), [], {}, (1, [2, {"a": (3,)}]), {1: "a", "b": None}, {1, 2}, 1 + 2j,
    Fraction(1, 3), collections.OrderedDict(a=1), Point(1, [2]), [Point(1, 2), 3], range(5), Ellipsis, function_of_program, Point,
    np.float64(1.5), np.float32(0.1), np.int8(-3), np.bool_(True), np.datetime64("2026-01-01"), array.array("d", [1, 2]),
    base, base.T, base[:, 1], base[::-1, ::2], np.asfortranarray(base), base[0, 0, 0:1].reshape(()), np.array(2), np.empty((0, 3)),
    np.array([True, False]), np.float16([1, 2]), np.complex64([1j]), base.astype(">f4"), structured, structured["x"],
    np.array(["a", "bcd"]), np.array(["2026-01-01"], "M8[D]"), np.array([1, "a", None], object), np.ma.array([1, 2], mask=[0, 1]),
    np.arange(1 << 16), np.arange(1 << 20, dtype="f4").reshape(1024, 1024), np.asfortranarray(np.ones((500, 300))),
]


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tolist() == b.tolist()
    if isinstance(a, np.generic):
        return a.dtype == b.dtype and a == b
    return repr(a) == repr(b) if isinstance(a, float) else a == b
"""

ECHO = (
    VALUES
    + """
class Echo(Chare):
    def echo(self, value):
        return value

    def check(self, i, value):
        assert same(value, VALUES[i]), (i, value)
        return same(value, VALUES[i])

    def check_all(self, *values):
        return all(same(a, b) for a, b in zip(values, VALUES)) and len(values) == len(VALUES)

    def check_keywords(self, a, *, value=None, **others):
        return same(value, VALUES[a]) and sorted(others) == ["z"] and same(others["z"], VALUES[-a])

    def change(self, array):
        array[...] = 7
        return array.flags.writeable and bool((array == 7).all())


def main(args):
    echoes = Group(Echo)
    for pe in range(charm.numPes()):
        for i, value in enumerate(VALUES):
            assert echoes[pe].check(i, value, ret=True).get()
            back = echoes[pe].echo(value, ret=True).get()
            assert same(back, value), (pe, value, back)
        assert echoes[pe].check_all(*VALUES, ret=True).get()
        for a in (1, 5, 40):
            assert echoes[pe].check_keywords(a, value=VALUES[a], z=VALUES[-a], ret=True).get()
    for i, value in enumerate(VALUES):
        assert echoes.check(i, value, ret=True).get() == [True] * charm.numPes()
    for size in (3, 5000, 1 << 18):
        mine = np.zeros(size)
        for pe in range(1, charm.numPes()):
            assert echoes[pe].change(mine, ret=True).get()
        assert not mine.any()
    print("all is well")
    exit()


charm.start(main)
"""
)


@pytest.mark.parametrize("pes", PES)
def test_every_kind_of_value_arrives_as_it_was_sent(pes: int) -> None:
    succeed(ECHO, pes)


SHARING = """
import numpy as np
from chariot import charm, Chare, Group, Array


class Receiver(Chare):
    def __init__(self):
        self.got = None

    def take(self, a, b, c):
        self.got = (a, b, c)
        b.append(charm.myPe())
        return a[0] is b and c["b"] is b

    def give(self):
        return self.got[1]

    def keep(self, array):
        self.array = array
        array += 1

    def total(self):
        return float(self.array.sum())

    def overwrite(self, array, wanted):
        assert (array == wanted).all()
        array[:] = -1 - charm.myPe()
        self.mine = array

    def mine_is_mine(self):
        return bool((self.mine == -1 - charm.myPe()).all())


def main(args):
    group = Group(Receiver)
    b = [1]
    for pe in range(1, charm.numPes()):
        assert group[pe].take([b, b], b, {"b": b}, ret=True).get()
        assert group[pe].give(ret=True).get() == [1, pe]
    assert b == [1]
    assert group[0].take([b, b], b, {"b": b}, ret=True).get()
    for i in range(20):  # what one PE writes does not travel on to PEs behind it in the tree
        group.overwrite(np.full(20_000, float(i)), i)
        assert group.mine_is_mine(ret=True).get() == [True] * charm.numPes()
    array = np.zeros(100_000)
    for pe in range(1, charm.numPes()):
        for _ in range(3):
            group[pe].keep(array, awaitable=True).get()
        assert group[pe].total(ret=True).get() == 100_000
    assert not array.any()
    print("all is well")
    exit()


charm.start(main)
"""


@pytest.mark.parametrize("pes", PES)
def test_arguments_share_what_they_shared_and_nothing_with_the_sender(pes: int) -> None:
    succeed(SHARING, pes)


CALLBACKS = """
from chariot import charm, Chare, Group, Array, Future


class Worker(Chare):
    def __init__(self):
        self.seen = []

    def run(self, callbacks, by_name):
        for callback in callbacks:
            callback(self.thisIndex)
        by_name["future"].send("named")

    def see(self, value):
        self.seen.append(value)

    def count(self):
        return len(self.seen)

    def same(self, proxy, element, method):
        return (proxy == self.thisProxy and hash(proxy) == hash(self.thisProxy)
                and element == self.thisProxy[self.thisIndex] and element != proxy)


class Box:
    def __init__(self, content):
        self.content = content


def main(args):
    workers = Group(Worker)
    for pe in range(charm.numPes()):
        future, named = Future(), Future()
        workers[pe].run([future, workers[0].see], {"future": named})
        assert future.get() == pe and named.get() == "named"
        boxed = Future()
        workers[pe].run([Box(boxed).content, Box(workers[0].see).content], {"future": Future()})
        assert boxed.get() == pe
        assert workers[pe].same(workers, workers[pe], workers.see, ret=True).get()
    print("all is well")
    exit()


charm.start(main)
"""


@pytest.mark.parametrize("pes", PES)
def test_proxies_methods_and_futures_travel(pes: int) -> None:
    succeed(CALLBACKS, pes)


ERRORS = """
from chariot import charm, Chare, Group, coro


class Own(Exception):
    def __init__(self, code, detail):
        super().__init__(code, detail)
        self.code, self.detail = code, detail


class OddlyMade(Exception):
    def __init__(self, a, b):
        super().__init__(a)


class Failing(Chare):
    def fail(self, how):
        self.deeper(how)

    def deeper(self, how):
        if how == "own":
            raise Own(5, {"pe": charm.myPe()})
        if how == "odd":
            raise OddlyMade("first", "second")
        return [1][charm.numPes() + 5]

    @coro
    def pass_on(self, pe):
        self.thisProxy[pe].fail("own", ret=True).get()


def caught(future):
    try:
        future.get()
    except Exception as exc:
        return exc
    raise AssertionError("no exception came")


def main(args):
    failing = Group(Failing)
    last = charm.numPes() - 1
    exc = caught(failing[last].fail("index", ret=True))
    assert type(exc) is IndexError and str(exc) == "list index out of range"
    exc = caught(failing[last].fail("own", awaitable=True))
    assert type(exc) is Own and exc.code == 5 and exc.detail == {"pe": last}
    if last > 0:
        pe, text = exc.remote_stacktrace
        assert pe == last and "in deeper" in text and "Own" in text
        exc = caught(failing[0].pass_on(last, ret=True))
        assert type(exc) is Own and exc.remote_stacktrace[0] == last and "in deeper" in exc.remote_stacktrace[1]
        exc = caught(failing[last].fail("odd", ret=True))
        assert type(exc) is OddlyMade and exc.args == ("first",) and exc.remote_stacktrace[0] == last
    results = failing.fail("own", ret=True).get()
    assert [type(r) for r in results] == [Own] * charm.numPes()
    assert [r.detail["pe"] for r in results] == list(range(charm.numPes()))
    assert type(caught(failing.fail("own", awaitable=True))) is Own
    print("all is well")
    exit()


charm.start(main)
"""


@pytest.mark.parametrize("pes", PES)
def test_exceptions_arrive_with_their_origin(pes: int) -> None:
    succeed(ERRORS, pes)


CANNOT = """
from chariot import charm, Chare, Group


class Other(Chare):
    def take(self, value):
        return "taken"

    def give(self):
        return (i for i in [1])


def main(args):
    others = Group(Other)
    last = charm.numPes() - 1
    try:
        others[last].take((i for i in []), ret=True)
        raise AssertionError("no TypeError")
    except TypeError as exc:
        assert "generator" in str(exc) and "__reduce__" in str(exc), exc
    assert others[last].take(lambda: 1, ret=True).get() == "taken"
    try:
        others[last].give(ret=True).get()
        raise AssertionError("no TypeError")
    except TypeError as exc:
        assert "generator" in str(exc), exc
    print("all is well")
    exit()


charm.start(main)
"""


@pytest.mark.parametrize("pes", [2, 4])
def test_a_value_that_cannot_travel_is_an_error_where_it_was_given(pes: int) -> None:
    succeed(CANNOT, pes)


def test_an_exception_that_nobody_receives_ends_the_job_with_its_traceback() -> None:
    source = ERRORS.replace('exc = caught(failing[last].fail("index", ret=True))', 'failing[last].fail("own"); return')
    done = attempt(source, 2)
    assert done.status != 0
    assert "Own" in done.stderr and "in deeper" in done.stderr and "PE 1" in done.stderr
