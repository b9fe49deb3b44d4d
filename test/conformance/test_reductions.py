"""Reductions: built-in reducers over all kinds of contributions, reducers of the program, their targets, their failures."""

import pytest
from harness import PES, Result, run


def attempt(source: str, pes: int) -> Result:
    return run(source, pes, timeout=100, preamble=False)


def succeed(source: str, pes: int) -> None:
    """The program checks itself; a failed assertion on any PE ends the job with its traceback."""
    result = attempt(source, pes)
    assert result.status == 0 and "all is well" in result.stdout, result.said


COMMON = """
import array, functools, math, operator
from fractions import Fraction
import numpy as np
from chariot import charm, Chare, Group, Array, Future, Reducer, coro


def same(a, b):
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and bool((a == b).all())
    return a == b
"""

BUILTINS = (
    COMMON
    + """
N = 13
ROWS = np.arange(N * 6).reshape(N, 2, 3)
BIG = np.arange(N * 5000.0).reshape(N, 5000)
numbers = list(range(1, N + 1))
flags = [i % 3 == 0 for i in range(N)]
CASES = [  # (reducer, contributions, result)
    ("sum", numbers, sum(numbers)),
    ("product", numbers, math.prod(numbers)),
    ("max", numbers, N), ("min", numbers, 1),
    ("sum", [float(n) for n in numbers], float(sum(numbers))),
    ("sum", [n / 2 if n % 2 else n for n in numbers], sum(n / 2 if n % 2 else n for n in numbers)),
    ("sum", [2**63 - 1] * N, N * (2**63 - 1)),
    ("product", [2**40] * N, 2 ** (40 * N)),
    ("max", [2**70 + n for n in numbers], 2**70 + N),
    ("sum", flags, sum(flags)),
    ("logical_and", flags, False), ("logical_or", flags, True), ("logical_xor", flags, sum(flags) % 2 == 1),
    ("logical_and", [True] * N, True), ("logical_or", [0] * N, False),
    ("sum", [[n, 2 * n] for n in numbers], np.array([sum(numbers), 2 * sum(numbers)])),
    ("max", [(n / 2, -n) for n in numbers], np.array([N / 2, -1.0])),
    ("logical_or", [[i == 3, False] for i in range(N)], np.array([True, False])),
    ("sum", [[n] for n in numbers], np.array([sum(numbers)])),
    ("min", [array.array("i", [n, -n]) for n in numbers], np.array([1, -N], "i4")),
    ("sum", list(ROWS), ROWS.sum(0)), ("max", list(ROWS), ROWS.max(0)), ("min", list(ROWS), ROWS.min(0)),
    ("sum", list(BIG), BIG.sum(0)),
    ("sum", [r.astype("f2") for r in ROWS], ROWS.astype("f2").sum(0)),
    ("sum", [r.astype("c8") for r in ROWS], ROWS.astype("c8").sum(0)),
    ("sum", [r.astype(">i4") for r in ROWS], ROWS.sum(0).astype("i4")),
    ("sum", [np.asfortranarray(r) if i % 2 else r for i, r in enumerate(ROWS)], ROWS.sum(0)),
    ("sum", [np.float32(n) for n in numbers], np.float32(sum(numbers))),
    ("max", [np.int16(n) for n in numbers], np.int16(N)),
    ("sum", [Fraction(1, n) for n in numbers], sum(Fraction(1, n) for n in numbers)),
    ("product", [1j] * N, functools.reduce(operator.mul, [1j] * N)),
    ("max", ["%02d" % n for n in numbers], "13"), ("min", [(n, "x") for n in numbers], (1, "x")),
    ("gather", [n * n for n in numbers], [n * n for n in numbers]),
    ("gather", [[n, "a"] for n in numbers], [[n, "a"] for n in numbers]),
    ("gather", [None] * N, [None] * N),
]


class Part(Chare):
    def contribute_case(self, case, target):
        name, values, _ = CASES[case]
        self.reduce(target, values[self.thisIndex[0]], getattr(Reducer, name))


def fits(result, wanted):
    if isinstance(wanted, np.ndarray):
        return type(result) is np.ndarray and result.shape == wanted.shape and bool((result == wanted).all()) \\
            and result.dtype.kind == wanted.dtype.kind and result.dtype.itemsize == wanted.dtype.itemsize
    return same(result, wanted)


def main(args):
    parts = Array(Part, N)
    for case, (name, _, wanted) in enumerate(CASES):
        future = Future()
        parts.contribute_case(case, future)
        result = future.get()
        assert fits(result, wanted), (case, name, result, wanted)
    futures = [Future() for _ in CASES]  # all in flight
    for case, future in enumerate(futures):
        parts.contribute_case(case, future)
    for (name, _, wanted), future in zip(CASES, futures):
        assert fits(future.get(), wanted), (name, future.get(), wanted)
    print("all is well")
    exit()


charm.start(main)
"""
)


@pytest.mark.parametrize("pes", PES)
def test_built_in_reducers_on_everything(pes: int) -> None:
    succeed(BUILTINS, pes)


OWN = (
    COMMON
    + """
def concat(contributions):
    return sorted(functools.reduce(operator.add, contributions))


def pair(data, contributor):
    return [(contributor.thisIndex, data)]


def mean(contributions):
    return np.sum(contributions, axis=0)


def one(data, contributor):
    return np.array([data, 1.0])


def ratio(value):
    return float(value[0] / value[1])


Reducer.addReducer(concat, pre=pair, post=dict)
Reducer.addReducer(mean, pre=one, post=ratio)


class Part(Chare):
    def go(self, target):
        self.contribute(charm.myPe() * 0 + self.number() ** 2, Reducer.concat, target)
        self.reduce(target, self.number(), Reducer.mean)
        self.reduce(target)
        self.reduce(target, None, Reducer.nop)

    def number(self):
        index = self.thisIndex
        return index if isinstance(index, int) else index[0] * 10 + index[1]


def main(args):
    grid, group = Array(Part, (3, 4)), Group(Part)
    for parts, indexes in (grid, [(i, j) for i in range(3) for j in range(4)]), (group, list(range(charm.numPes()))):
        future = Future(4)
        parts.go(future)
        numbers = [i if isinstance(i, int) else i[0] * 10 + i[1] for i in indexes]
        results = future.get()
        assert {i: n**2 for i, n in zip(indexes, numbers)} in results, results
        assert sum(numbers) / len(numbers) in results and results.count(None) == 2, results
    for bad in (concat,):
        try:
            Reducer.addReducer(bad)
            raise AssertionError
        except Exception as exc:
            assert type(exc).__name__ == "Charm4PyError" and "concat" in str(exc)
    print("all is well")
    exit()


charm.start(main)
"""
)


@pytest.mark.parametrize("pes", PES)
def test_reducers_of_the_program(pes: int) -> None:
    succeed(OWN, pes)


TARGETS = (
    COMMON
    + """
class Part(Chare):
    def __init__(self, done):
        self.done, self.got = done, []
        self.reduce(self.thisProxy[0].from_init, 1, Reducer.sum)

    def from_init(self, total):
        assert total == 8, total
        self.done()

    def go(self, target, value=None):
        self.reduce(target, self.thisIndex[0] if value is None else value, Reducer.sum)

    def got_it(self, total):
        self.got.append(total)
        if isinstance(total, np.ndarray):
            assert total.tolist() == [8, 16]
        else:
            assert total == 28, total
        self.reduce(self.done)

    def barrier(self, done):
        self.reduce(done)

    @coro
    def cycle(self, done):
        for i in range(5):
            total = self.allreduce(self.thisIndex[0] * i, Reducer.sum).get()
            assert total == 28 * i, total
            assert self.allreduce().get() is None
        self.reduce(done, True, Reducer.logical_and)


class Sink(Chare):
    def __init__(self, done):
        self.done = done

    def take(self, total):
        assert total == 28
        self.reduce(self.done)

    def one(self, total):
        assert total == 28
        self.done()


def waits(start):
    future = Future()
    start(future)
    return future.get()


def main(args):
    made = Future()
    parts = Array(Part, 8, args=[made])
    assert made.get() is None
    assert waits(lambda f: parts.go(f)) == 28
    for targets in ("method", "element", "group", "group element"):
        done = Future()
        sinks = Group(Sink, args=[done])
        charm.awaitCreation(sinks)
        parts.go(sinks.take if targets in ("method", "group") else sinks[charm.numPes() - 1].one)
        assert done.get() is None, targets
    assert waits(lambda f: parts.barrier(f)) is None
    assert waits(lambda f: parts.cycle(f)) is True
    print("all is well")
    parts.go(charm.thisProxy[0].exit, 0)


charm.start(main)
"""
)


@pytest.mark.parametrize("pes", PES)
def test_targets_of_reductions(pes: int) -> None:
    succeed(TARGETS, pes)


FAILING = (
    COMMON
    + """
def picky(contributions):
    raise RuntimeError("picky refuses")


def harmless(contributions):
    return contributions[0]


def broken(value):
    return 1 // 0


Reducer.addReducer(picky)
Reducer.addReducer(harmless, post=broken)


class Part(Chare):
    def go(self, target, which):
        value, reducer = {
            "shapes": (np.zeros(self.thisIndex[0] + 1), Reducer.sum),
            "types": ([1, "a"], Reducer.sum),
            "picky": (1, Reducer.picky),
            "post": (1, Reducer.harmless),
        }[which]
        self.reduce(target, value, reducer)

    def unregistered(self):
        try:
            self.reduce(self.thisProxy[0].go, 1, sum)
        except Exception as exc:
            return type(exc).__name__, str(exc)

    def never(self, value):
        raise AssertionError("the failed reduction was delivered")


def main(args):
    parts = Array(Part, 6)
    for which, kind, text in [("shapes", ValueError, "different shapes"), ("types", TypeError, "unsupported operand"),
                              ("picky", RuntimeError, "picky refuses"), ("post", ZeroDivisionError, "division")]:
        future = Future()
        parts.go(future, which)
        try:
            future.get()
            raise AssertionError("no exception came")
        except kind as exc:
            assert text in str(exc), exc
            assert exc.remote_stacktrace[0] in range(charm.numPes())
    kind, text = parts[0].unregistered(ret=True).get()
    assert kind == "Charm4PyError" and "Reducer.addReducer" in text, (kind, text)
    print("all is well")
    MORE
    exit()


charm.start(main)
"""
)


@pytest.mark.parametrize("pes", PES)
def test_a_reduction_that_fails_gives_its_exception_to_the_future(pes: int) -> None:
    succeed(FAILING.replace("MORE", ""), pes)


def test_a_failed_reduction_to_a_method_ends_the_job() -> None:
    source = FAILING.replace("MORE", "parts.go(parts[0].never, 'picky')").replace("    exit()", "    Future().get()")
    done = attempt(source, 2)
    assert done.status != 0 and "picky refuses" in done.stderr, done.stderr
    assert "was delivered" not in done.stderr
