"""§13: balancers in a job: at AtSync, on demand, by a period, where nobody asks; balancers that programs write."""

from __future__ import annotations

import re

import pytest
from harness import PES, ROOT, command, fails, holds, run

ALL = (None, *PES)

# Elements that all come to be on PE 0, burn so many milliseconds a step, and say what happened to them.
BLOCKS = """
import time
from chariot import ArrayMap

def burn(ms):
    end = time.thread_time() + ms / 1000
    while time.thread_time() < end:
        pass

class Here(ArrayMap):
    def procNum(self, index):
        return 0

class Block(Chare):
    def __init__(self, ms=0):
        self.ms, self.log, self.was = ms, [], charm.myPe()
    def migrated(self):
        check("another PE", charm.myPe() != self.was)
        self.log.append("migrated")
        self.was = charm.myPe()
    def work(self, done):
        self.done = done
        burn(self.ms)
        self.AtSync()
    def resumeFromSync(self):
        self.log.append("resumed")
        self.reduce(self.done)
    def where(self):
        return charm.myPe()
    def history(self):
        return self.log

def blocks(n, *args, useAtSync=True):
    array = Array(Block, n, args=args, map=Group(Here), useAtSync=useAtSync)
    charm.awaitCreation(array)
    return array

def step(array):
    ended = Future()
    array.work(ended)
    ended.get()

def per_pe(array):
    where = array.where(ret=True).get()
    return [where.count(pe) for pe in range(charm.numPes())]
"""


@pytest.mark.parametrize("n", ALL)
def test_every_element_moves_then_goes_on(n: int | None) -> None:
    """rotate: migrated(), then resumeFromSync(), of each in each step; results as without moves."""
    holds(
        BLOCKS
        + """
charm.options.lb.balancer = "rotate"

class Aside(Chare):
    def __init__(self):
        self.home = charm.myPe()
    def here(self):
        return self.home == charm.myPe()

class Stays(Block):
    def __init__(self):
        super().__init__()
        self.setMigratable(False)

def main(args):
    array, aside = blocks(10), Array(Aside, 6)
    fixed = Array(Stays, 3, useAtSync=True)
    home = fixed.where(ret=True).get()
    for i in range(1, 6):
        ended = Future(2)
        array.work(ended)
        fixed.work(ended)
        ended.get()
        eq("all on the next", array.where(ret=True).get(), [i % charm.numPes()] * 10)
    moves = ["migrated", "resumed"] if charm.numPes() > 1 else ["resumed"]
    eq("in this order", array.history(ret=True).get(), [moves * 5] * 10)
    eq("not migratable", fixed.history(ret=True).get(), [["resumed"] * 5] * 3)
    eq("where they were", fixed.where(ret=True).get(), home)
    check("who takes no part stays", all(aside.here(ret=True).get()))
    array.destroy(awaitable=True).get()
    fixed.destroy(awaitable=True).get()
    done()

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("balancer", ("greedy", "GreedyRefineLB", "gossip:iterations=4"))
@pytest.mark.parametrize("n", (2, 4))
def test_an_imbalance_is_mended(n: int, balancer: str) -> None:
    result = holds(
        BLOCKS
        + f"""
sys.argv += ["+balancer", {balancer!r}, "+LBDebug", "1"]

def main(args):
    array = blocks(32, 2)
    eq("before", per_pe(array)[0], 32)
    step(array)
    for count in per_pe(array):
        check("balanced", 32 / charm.numPes() * 0.6 <= count <= 32 / charm.numPes() * 1.5)
    step(array)
    eq("all went on", [log.count("resumed") for log in array.history(ret=True).get()], [2] * 32)
    done()

charm.start(main)
""",
        n,
    )
    name = {"GreedyRefineLB": "greedy-refine", "greedy": "greedy"}.get(balancer, "gossip")
    line = rf"chariot: load balancing 1 \({name}\): 32 objects, max/avg \d\.\d+ -> \d\.\d+, \d+ moved \(.*B\), \d"
    assert re.search(line, result.stderr), result.stderr
    assert result.stderr.count("chariot: load balancing ") == 2


@pytest.mark.parametrize("n", ALL)
def test_balance_on_demand(n: int | None) -> None:
    """From any PE, of elements that never synchronise; in both kinds of coroutine. What cannot move stays."""
    holds(
        BLOCKS
        + """
charm.options.lb.balancer = "rotate"

class Asks(Chare):
    @coro
    def ask(self):
        return charm.balance().get()
    async def ask_too(self):
        return await charm.balance()
    def plain(self):
        charm.balance()

def main(args):
    array = blocks(5, useAtSync=False)
    several = charm.numPes() > 1
    eq("none were there", charm.balance().get(), 5 if several else 0)
    eq("moved", array.where(ret=True).get(), [1 % charm.numPes()] * 5)
    asks = Chare(Asks, onPE=charm.numPes() - 1)
    eq("from another PE", asks.ask(ret=True).get(), 5 if several else 0)
    eq("await", asks.ask_too(ret=True).get(), 5 if several else 0)
    eq("three", array.where(ret=True).get(), [3 % charm.numPes()] * 5)
    asks.plain(awaitable=True).get()
    done()

charm.start(main)
""",
        n,
    )


def test_there_is_no_balancer() -> None:
    holds(
        """
        def main(args):
            raises("none", "Charm4PyError", charm.balance, "chariot run --balancer NAME")
            done()

        charm.start(main)
        """,
        2,
    )


@pytest.mark.parametrize("how", ("class", "instance", "name", "launcher"))
def test_a_balancer_of_the_programs(how: str) -> None:
    """A class with plan(stats): what it is told, what it may give."""
    mine = """
import numpy as np

class Spread:
    steps = 0
    def plan(self, stats):
        Spread.steps += 1
        assert (stats.num_pes, stats.num_objects, len(stats.loads)) == (3, 12, 12), stats
        assert list(stats.pes) == [0] * 12 if Spread.steps == 1 else set(stats.pes) == {0, 1, 2}
        assert sorted(stats.indices.tolist()) == [[i // 4, i % 4] for i in range(12)]
        assert list(stats.migratable) == [True] * 12 and list(stats.hosts) == [0, 0, 0]
        assert all(load > 0.0005 for load in stats.loads) and sum(stats.loads) < 10
        assert len(stats.background) == 3 and len(stats.pe_times()) == 3
        assert stats.loads.readonly and np.asarray(stats.indices).shape == (12, 2)
        if Spread.steps == 2:
            assert all(size > 0 for size in stats.sizes)
            return None
        return {i: i % 3 for i in range(12)}
"""
    text = {
        "class": "charm.options.lb.balancer = mine.Spread",
        "instance": "charm.options.lb.balancer = mine.Spread()",
        "name": "charm.options.lb.balancer = 'mine:Spread'",
        "launcher": "charm.options.lb.balancer = 'none'",
    }[how]
    result = holds(
        f"""
import mine
{BLOCKS}
{text}
charm.options.lb.debug = 1

def main(args):
    array = blocks((3, 4), 1)
    step(array)
    eq("spread", per_pe(array), [4, 4, 4])
    step(array)
    eq("once", per_pe(array), [4, 4, 4])
    done()

charm.start(main)
""",
        3,
        options=["--balancer", "mine:Spread"] if how == "launcher" else [],
        files={"mine.py": mine},
    )
    assert "chariot: load balancing 1 (Spread): 12 objects, max/avg " in result.stderr, result.stderr
    assert ", 8 moved (" in result.stderr


def test_plans_that_make_no_sense_move_nothing() -> None:
    """Each is said, with the plan's traceback, and the step goes on."""
    result = holds(
        BLOCKS
        + """
class Wrong:
    plans = [[(99, 1)], {0: 2}, [(0, 1), (0, 1)], [(3, 1)], [(0.5, 1)], [7], "no", None]
    def plan(self, stats):
        plan = Wrong.plans.pop(0)
        return 1 // 0 if plan is None else plan

charm.options.lb.balancer = Wrong

class Last(Block):
    def __init__(self):
        super().__init__()
        self.setMigratable(self.thisIndex[0] != 3)

def main(args):
    array = Array(Last, 4, map=Group(Here), useAtSync=True)
    for i in range(8):
        step(array)
        eq("none moved", per_pe(array), [4, 0])
    done()

charm.start(main)
""",
        2,
    )
    for text in (
        "ValueError: plan() names object 99: there are 4, numbered from 0",
        "ValueError: plan() names PE 2: there are 2, numbered from 0",
        "ValueError: plan() moves object 0 twice",
        "ValueError: plan() moves object 3, which may not move (stats.migratable)",
        "TypeError: plan() gave 0.5 as the number of object",
        "TypeError: plan() gives pairs (object, PE) or a mapping, not 7",
        "TypeError: plan() gives pairs (object, PE) or a mapping, not 'n'",
        "ZeroDivisionError",
    ):
        assert result.stderr.count(text) == 1, (text, result.stderr)
    assert result.stderr.count("chariot: PE 0, Wrong.plan() failed; this step of load balancing moves nothing:") == 8


def test_programs_that_never_synchronise() -> None:
    """Elements that work on and on, all on PE 0: the others ask for some. A job that rests is left alone: it hangs."""
    program = (
        BLOCKS
        + """
charm.options.lb.balancer = "greedy"

class Worker(Block):
    def begin(self, left, ended):
        burn(5)
        if left > 0:
            self.thisProxy[self.thisIndex].begin(left - 1, ended)
        else:
            self.reduce(ended)

def main(args):
    array = Array(Worker, 8, map=Group(Here))
    ended = Future()
    array.begin(60, ended)
    ended.get()
    check("some have moved", 0 < per_pe(array)[0] < 8)
    print("ended")
    Future().get()

charm.start(main)
"""
    )
    result = run(program, 2, options=["--lb-log"])
    assert result.status == 75, result.stderr
    assert result.stdout == "ended\n" and "the job hangs" in result.stderr
    steps = result.stderr.count("chariot: load balancing ")
    assert 1 <= steps < 40, result.stderr


def test_a_period() -> None:
    """No step is balanced sooner; all end."""
    result = holds(
        BLOCKS
        + """
def main(args):
    array = blocks(4)
    for i in range(20):
        step(array)
    eq("all went on", [log.count("resumed") for log in array.history(ret=True).get()], [20] * 4)
    eq("but moved once", [log.count("migrated") for log in array.history(ret=True).get()], [1] * 4)
    done()

charm.start(main)
""",
        2,
        options=["--balancer", "rotate", "--lb-period", "1000", "--lb-log"],
    )
    assert result.stderr.count("chariot: load balancing ") == 1


@pytest.mark.parametrize(
    "text, error",
    [
        ("charm.options.lb.balancer = 'greedi'", "no balancer 'greedi'; there are none, greedy,"),
        ("charm.options.lb.balancer = 'greedy:x=1'", "greedy has no option 'x'"),
        ("charm.options.lb.balancer = 'refine:tolerance=0'", "tolerance=0: it takes numbers from"),
        ("charm.options.lb.balancer = 'nowhere:Mine'", "no module of that name that could hold Mine; there are none, greedy,"),
        ("charm.options.lb.balancer = 'json:Mine'", "module json has no Mine"),
        ("charm.options.lb.balancer = 'json:dumps'", "has no method plan(stats)"),
        ("charm.options.lb.balancer = 5", "a name, 'module:Class', or a class or object with a method plan(stats), not 5"),
        ("charm.options.lb.period = -1", "the period of load balancing is a number of seconds, not -1"),
    ],
)
def test_what_is_wrong_is_said_at_once(text: str, error: str) -> None:
    options = "charm.options.lb.balancer = 'greedy'\n" if "period" in text else ""
    fails(options + text + "\ncharm.start(lambda args: charm.exit())", None, error)


@pytest.mark.parametrize(
    "options, error",
    [
        (["--balancer", "greedi"], "no balancer 'greedi'"),
        (["--balancer", ""], "--balancer takes the name of a balancer"),
        (["--lb-period", "soon"], "--lb-period takes a time in seconds above 0, not 'soon'"),
    ],
)
def test_the_launchers_options(options: list[str], error: str) -> None:
    result = run("charm.start(lambda args: charm.exit())", 2, options=options)
    assert result.status != 0 and result.stderr.count(error) == 1, result.stderr


@pytest.mark.parametrize("balancer", ("rotate", "gossip"))
def test_results_are_those_without_moves(balancer: str) -> None:
    """A whole program, whose elements move every 20 ms, between two of their methods."""
    program = ROOT / "examples/wave2d/wave2d.py"
    result = command("run", "-n", "4", "--balancer", balancer, "--lb-period", "0.02", "--lb-log", program)
    assert result.status == 0 and "equal to numpy" in result.stdout, result.said
    assert "(rotate)" not in result.stderr or " 16 moved (" in result.stderr, result.stderr


def test_switched_off() -> None:
    holds(
        BLOCKS
        + """
sys.argv += ["+balancer", "rotate", "+LBOff"]

def main(args):
    array = blocks(4)
    step(array)
    eq("none moved", per_pe(array), [4, 0])
    done()

charm.start(main)
""",
        2,
    )
