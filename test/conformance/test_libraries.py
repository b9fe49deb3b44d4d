"""charm.load(): chares in C beside Python's (test/conformance/c/grid.c), each calling the other."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import BIN, PES, fails, holds, run

ALL = (None, *PES)
SOURCE = Path(__file__).with_name("c") / "grid.c"


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The library, compiled by the one command of the manual."""
    yield compiled(SOURCE.read_text(), tmp_path_factory.mktemp("grid") / "libgrid.so")


def compiled(source: str, library: Path, *options: str) -> str:
    where = library.with_suffix(".c")
    where.write_text(source)
    flags = subprocess.run([BIN / "python", "-m", "chariot.cflags"], capture_output=True, text=True, check=True).stdout.split()
    subprocess.run(
        ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter", *options, "-shared", "-fPIC", *flags, "-o", library, where], check=True
    )
    library.chmod(0o755)
    return str(library)


HELPER = """
grid = charm.load({grid!r})

class Helper(Chare):
    def __init__(self, start=0.0):
        self.start = start
    def double(self, x):
        return 2 * x + self.start
    def fail(self, x):
        raise ValueError(f"no {{x}}")
    def fail_oddly(self, x):
        raise Odd(x)
    def where(self, x=None):
        return charm.myPe()
    @coro
    def talk(self, cell, values):
        channel = Channel(self, cell)
        got = []
        for value in values:
            channel.send(value)
            got.append(channel.recv())
        channel.send(1, 2)
        got.append(channel.recv())
        return got

class Odd(Exception):
    pass

VALUES = [None, True, False, 0, -1, 2**62, -2**63, 2**63, -2**200, 0.5, -0.0, float("inf"), float("nan"), "", "grüß \\U0001f600",
          b"", b"x\\0y", [], [1, [2, (3,)]], (), (1, 2), {{}}, {{"a": [1.5], 3: None}}, np.arange(6.0).reshape(2, 3), np.array(3),
          np.float32(1.5), np.zeros((0, 3), "<i2"), np.asfortranarray(np.arange(6).reshape(2, 3))]
"""


def program(text: str, grid: str) -> str:
    return HELPER.format(grid=grid) + text


@pytest.mark.parametrize("n", ALL)
def test_values_go_both_ways(n: int | None, grid: str) -> None:
    holds(
        program(
            """
def main(args):
    for pe in {0, charm.numPes() - 1}:
        c = Chare(grid.Cell, args=[1.5], onPE=pe)
        for value in VALUES + [c, c.add, Helper]:
            eq(f"echo on {pe}", c.echo(value, ret=True).get(), value)
        eq("a set", c.echo({1, 2}, ret=True).get(), {1, 2})  # a pickle to C, and it goes through
        f = Future()
        same_future = c.echo(f, ret=True).get()
        f.send(7)
        eq("a future", same_future.get(), 7)
        a = np.arange(6.0).reshape(2, 3)
        eq("an array", c.scaled(a, 2, ret=True).get(), 2 * a)
        eq("numbers", [c.add(x, ret=True).get() for x in (1, True, np.float32(0.5), np.int16(-2), np.uint8(200), np.bool_(True))],
           [2.5, 3.5, 4.0, 2.0, 202.0, 203.0])
        eq("by name", c.add(amount=1, ret=True).get(), 204.0)
        eq("awaitable", c.add(1, awaitable=True).get(), None)
        eq("get", c.get(ret=True).get(), 205.0)
    done()
charm.start(main)
""",
            grid,
        ),
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_each_calls_the_other(n: int | None, grid: str) -> None:
    holds(
        program(
            """
def main(args):
    pes = range(charm.numPes())
    for p, q in [(p, q) for p in pes for q in pes]:
        h, c = Chare(Helper, args=[1.0], onPE=p), Chare(grid.Cell, args=[1.5], onPE=q)
        eq("C calls Python", c.ask(h, "double", 21, ret=True).get(), 43.0)
        eq("C calls C", c.ask(Chare(grid.Cell, onPE=p), "add", 4, ret=True).get(), 4.0)
        eq("objects from Python", c.ask(h, "where", {1, 2}, ret=True).get(), p)
        raises("Python raises to C", "Charm4PyError", lambda: c.ask(h, "fail", 3, ret=True).get(), f"they said ValueError: no 3, on PE {p}")
        raises("an odd one", "Charm4PyError", lambda: c.ask(h, "fail_oddly", 3, ret=True).get(), "they said __main__.Odd: 3")
        f = Future()
        c.tell(f, 2.5)
        eq("C completes a future", f.get(), 2.5)
        eq("C calls a callback", c.tell(c.add, 0, awaitable=True).get(), None)
        for value in (3, (1, {2}), [np.arange(3)], ValueError("x")):
            f = Future()
            got = c.await_future(f, ret=True)
            f.send(value)
            if isinstance(value, ValueError):
                raises("a future that fails", "Charm4PyError", got.get, "they said ValueError: x")
            else:
                eq("C waits for a future", got.get(), value)
        values = [1, "two", (3, 4), {"a": np.arange(3)}, {1, 2}, b"x" * 100000]
        talk = h.talk(c, values, ret=True)
        c.chat(h)
        eq("a channel", talk.get(), values + [(1, 2)])
    last = charm.numPes() - 1
    made = c.make("__main__.Helper", 5, ret=True).get()
    eq("C makes a chare of Python's", (made.double(1, ret=True).get(), made.where(ret=True).get()), (7.0, last))
    made = c.make("grid.Cell", 5, ret=True).get()
    eq("and one of C's", (made.get(ret=True).get(), made.where(ret=True).get()), (5.0, float(last)))
    done()
charm.start(main)
""",
            grid,
        ),
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_collections_reductions_and_sections(n: int | None, grid: str) -> None:
    holds(
        program(
            """
class Mixed(Chare):
    def __init__(self, value):
        self.value = value
    def where(self):
        return float(charm.myPe())
    def get(self):
        return self.value
    def largest(self, future):
        self.reduce(future, float(-self.thisIndex[0]), grid.magnitude)

def main(args):
    pes = charm.numPes()
    g, a = Group(grid.Cell, args=[2]), Array(grid.Cell, (4, 4), args=[1])
    charm.awaitCreation(g, a)
    eq("a group", g.where(ret=True).get(), [float(i) for i in range(pes)])
    eq("an array", a.get(ret=True).get(), [1.0] * 16)
    eq("awaitable", a.add(1, awaitable=True).get(), None)
    f = Future()
    a.sum(f, "sum")
    eq("a reduction", f.get(), 32.0)
    a[3, 3].add(-12)
    f = Future()
    a.sum(f, "grid.magnitude")
    eq("by C's reducer", f.get(), 10.0)
    f = Future()
    Array(Mixed, 5, args=[0]).largest(f)
    eq("of Python's chares", f.get(), 4.0)
    a.sum(g[0].add, "sum")
    charm.waitQD()
    eq("to a method", g[0].get(ret=True).get(), 22.0)
    row = a[0, :]
    f = Future()
    row.sum(f, "sum", row)
    eq("of a section", f.get(), 8.0)
    some = charm.split(a, 2, elems=[[(0, 0), (0, 1)], [(3, 3)]])
    eq("split", [s.get(ret=True).get() for s in some], [[2.0, 2.0], [-10.0]])
    both = charm.combine(Array(Mixed, 2, args=["python"]), some[0])
    eq("both kinds", both.get(ret=True).get(), [2.0, 2.0, "python", "python"])
    last = [float(pes - 1)] * 3
    eq("a map of C's", Array(grid.Cell, 3, map=Group(grid.Last)).where(ret=True).get(), last)
    eq("for Python's", Array(Mixed, 3, args=[1], map=Group(grid.Last)).where(ret=True).get(), last)
    raises("no map", TypeError, lambda: Array(Mixed, 3, args=[1], map=g), "subclass of ArrayMap")
    s = Array(grid.Cell, ndims=1)
    for i in (3, 5):
        s.ckInsert(i, args=[i])
    s.ckDoneInserting()
    eq("inserted", s.get(ret=True).get(), [3.0, 5.0])
    eq("destroyed", a.destroy(awaitable=True).get(), None)
    raises("and gone", "Charm4PyError", lambda: a[0, 0].get(ret=True).get())
    done()
charm.start(main)
""",
            grid,
        ),
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_chares_in_c_move(n: int, grid: str) -> None:
    holds(
        program(
            """
class Block(Chare):
    def where(self):
        return charm.myPe()
    def where_are_you(self, who):
        return charm.myPe()

def main(args):
    a, b = Array(grid.Cell, 4, args=[1], useAtSync=True), Array(Block, 4)
    charm.awaitCreation(a, b)
    for pe in [*range(charm.numPes()), 0]:
        a[2].add(1)
        a[2].move(pe, awaitable=True).get()
        b[1].migrate(pe)
        eq("where", (a[2].where(ret=True).get(), b[1].where(ret=True).get()), (float(pe), pe))
        eq("C asks one that moved", a[2].ask(b[1], "where_are_you", 0, ret=True).get(), pe)
    eq("the state", a[2].get(ret=True).get(), 2.0 + charm.numPes())
    a.at_sync()
    charm.waitQD()
    eq("after a step of balancing", a[0].get(ret=True).get(), 1001.0)
    raises("no pack", RuntimeError, lambda: Array(grid.Rock, 2)[0].move(0, ret=True).get(), "grid.Rock", "no pack")
    done()
charm.start(main)
""",
            grid,
        ),
        n,
    )


def test_what_goes_wrong_is_said(grid: str) -> None:
    holds(
        program(
            """
def main(args):
    c = Chare(grid.Cell, args=[1.5], onPE=charm.numPes() - 1)
    a = np.arange(6.0).reshape(2, 3)
    raises("order", TypeError, lambda: c.scaled(a.T, 2, ret=True).get(), "Cell.scaled(): argument 1 must be an array of 2 dimensions of '<f8' in C order, not one of 2 of '<f8' in F order")
    raises("dtype", TypeError, lambda: c.scaled(a.astype("f4"), 2, ret=True).get(), "not one of 2 of '<f4'")
    raises("type", TypeError, lambda: c.scaled(a, "x", ret=True).get(), "argument 2 must be a float, not a string")
    raises("missing", TypeError, lambda: c.scaled(a, ret=True).get(), "argument 2 is missing")
    raises("too many", TypeError, lambda: c.scaled(a, 1, 2, ret=True).get(), "takes 2 arguments but 3 were given")
    raises("named", TypeError, lambda: c.scaled(a, 1, x=3, ret=True).get(), "takes no argument by name, and got 'x'")
    raises("big", TypeError, lambda: c.move(2**70, ret=True).get(), "must be an int, not an int of more than 64 bits")
    raises("pickle", TypeError, lambda: c.add({1}, ret=True).get(), "must be a float, not a pickle")
    raises("here", TypeError, lambda: c.add(ret=True), "Cell.add() missing required positional argument: 'amount'")
    raises("here too", TypeError, lambda: c.add(1, 2, ret=True), "takes 1 positional argument but 2 were given")
    error = raises("builtin", ValueError, lambda: c.fail("ValueError", "bad", ret=True).get(), "bad")
    eq("origin", error.remote_stacktrace, (charm.numPes() - 1, "in grid.Cell.fail, which is C"))
    error = raises("other", "RemoteError", lambda: c.fail("heat.Odd", "odd", ret=True).get(), "heat.Odd: odd")
    error = raises("code", "RemoteError", lambda: c.fail_by_code(ret=True).get(), "value out of range")
    eq("origin", error.remote_stacktrace, (charm.numPes() - 1, "in grid.Cell.fail_by_code, which is C"))
    raises("method", AttributeError, lambda: c.nothing(), "Cell has no remote method 'nothing'")
    raises("object", TypeError, lambda: grid.Cell(), "Cell is written in C: create it by Chare(Cell)")
    raises("type", AttributeError, lambda: grid.Call, "has no chare type or reducer 'Call': it has Cell, Rock, Last, grid.magnitude")
    raises("branch", TypeError, lambda: Group(grid.Cell).ckLocalBranch(), "Cell is written in C")
    raises("not plain", TypeError, lambda: c.echo(lambda: x for x in ()))
    check("the same again", charm.load(%r) is grid)
    check("described", grid.Cell.__doc__ == "A cell, in C.")
    done()
charm.start(main)
"""
            % grid,
            grid,
        ),
        2,
    )


def test_errors_that_nobody_receives_end_the_job(grid: str) -> None:
    how = "\ndef main(args):\n    c = Chare(grid.Cell, args=[{}], onPE=charm.numPes() - 1)\n    {}\n    charm.waitQD()\ncharm.start(main)\n"
    fails(program(how.format("1", "c.fail('ValueError', 'bad')"), grid), 2, "PE 1, Cell.fail(): ", "ValueError: bad", status=1)
    fails(program(how.format("'x'", "pass"), grid), 2, "PE 1: the constructor of grid.Cell: argument 1 must be a float, not a string", status=1)
    fails(program("\nclass Mine(grid.Cell):\n    pass\ncharm.start(lambda args: exit())\n", grid), 2, "Mine derives from Cell, which is written in C")


@pytest.mark.parametrize("n", ALL)
def test_libraries_are_loaded_while_the_job_runs(n: int | None, grid: str) -> None:
    holds(
        """
        class Loader(Chare):
            @coro
            def load(self, path):
                return charm.load(path).Cell

        async def later(path):
            await charm.thisProxy.loadLibrary(path, awaitable=True)
            return charm.load(path)

        class Late(Chare):
            async def load(self, path):
                return (await later(path)).Cell

        def main(args):
            path = %r
            raises("no such file", "Charm4PyError", lambda: charm.load("/no/such.so"), "charm.load('/no/such.so') on PE", "cannot be opened", "/no/such.so")
            raises("none of ours", "Charm4PyError", lambda: charm.load(%r), "it exports no chariot_library")
            cell = Chare(Loader, onPE=charm.numPes() - 1).load(path, ret=True).get()
            grid = charm.load(path)
            check("one class", cell is grid.Cell)
            check("also in async def", Chare(Late, onPE=0).load(path, ret=True).get() is cell)
            eq("chares", Group(cell, args=[2.0]).get(ret=True).get(), [2.0] * charm.numPes())
            f = Future()
            Array(grid.Rock, 5, args=[-3]).sum(f, "grid.magnitude")
            eq("its reducer", f.get(), 3.0)
            done()
        charm.start(main)
        """
        % (grid, nothing_of_ours(grid)),
        n,
    )


def nothing_of_ours(grid: str) -> str:
    return compiled("int chariot_nothing; /* no table */\n", Path(grid).with_name("libnothing.so"))


def test_pes_that_load_different_libraries_are_told(grid: str) -> None:
    text = f"""
        if charm.myPe() == 1:
            charm.load({grid!r})
        charm.start(lambda args: exit())
        """
    fails(text, 2, "have registered different chare types or reducers", status=1)


def test_libraries_that_cannot_be(grid: str) -> None:
    source = SOURCE.read_text()
    for i, (old, new, says) in enumerate(
        (
            (".layout = CHARIOT_LAYOUT", ".layout = CHARIOT_LAYOUT + 1", "compiled against another version of chariot.h"),
            ('.name = "grid.Rock"', ".name = NULL", "its chare type ? lacks a name"),
            ('"grid.Rock"', '"grid.Cell"', "there is a chare type named grid.Cell already"),
            ('"grid.Rock"', '"other.Cell"', "two types or reducers named Cell"),
            (".combine = combine}", ".combine = combine, .name = NULL}", "its reducer ? lacks a name or a combine"),
            ("chariot_my_pe(call->pe)", "chariot_my_pet(call->pe)", "undefined symbol: chariot_my_pet"),
        )
    ):
        assert old in source
        declared = source.replace('#include <lb/lb.h>', '#include "lb/lb.h"\nuint32_t chariot_my_pet(const struct chariot_pe *pe);')
        other = compiled(declared.replace(old, new), Path(grid).with_name(f"libother{i}.so"), "-Wno-override-init")
        result = run(f"\ncharm.load({other!r})\n", None)
        assert result.status != 0 and says in result.stderr, (old, result.said)


def test_a_path_is_looked_for_beside_the_program(grid: str) -> None:
    text = f"""
        import contextlib
        with contextlib.suppress(FileExistsError):  # the other PE was sooner
            os.symlink({grid!r}, "libgrid.so")
        os.chdir("/")
        grid = charm.load("libgrid.so")
        def main(args):
            eq("value", Chare(grid.Cell, args=[2]).get(ret=True).get(), 2.0)
            done()
        charm.start(main)
        """
    holds(text, 2)
