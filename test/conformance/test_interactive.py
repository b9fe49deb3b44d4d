"""Interactive mode (§14, the tutorial row of §17): scripts on standard input, on 1, 2 and 4 PEs and without a launcher.

A script checks with eq() and raises(), which it imports on all PEs, and ends with done().
"""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from harness import CHARIOT, CHECKS, PES, PYTHON, Job, Result, directory_of

IMPORTS = "from checks import eq, check, raises, done\n"
WAYS = {
    "run": [CHARIOT, "run", "-n", "4", "--interactive"],
    "run -m": [CHARIOT, "run", "-n", "4", "-m", "chariot.interactive"],
    "charmrun": [CHARIOT.with_name("charmrun"), "+p4", "++interactive"],
    "python -m": [PYTHON, "-m", "chariot.interactive"],
}


def session(
    script: str, command: Sequence[str | Path] | int, files: Mapping[str, str] | None = None, imports: bool = True
) -> Result:
    """The result of a script as the standard input of a command, or of a session on so many PEs."""
    if isinstance(command, int):
        command = [CHARIOT, "run", "-n", str(command), "--interactive"]
    script = (IMPORTS if imports else "") + textwrap.dedent(script)
    with directory_of("", {"checks.py": CHECKS.read_text(), **(files or {})}, False) as directory:
        running = Job(command, directory, 40, stdin=script)
        try:
            return running.finish()
        finally:
            running.kill()


def holds(script: str, command: Sequence[str | Path] | int, files: Mapping[str, str] | None = None) -> Result:
    result = session(script, command, files)
    assert result.status == 0 and "all checks hold" in result.stdout, f"status {result.status}\n{result.said}"
    return result


@pytest.mark.parametrize("way", WAYS)
def test_ways_in(way: str) -> None:
    """Start: ++interactive, -m chariot.interactive; stdin may be a script; EOF ends the job with 0."""
    result = session("charm.numPes()\nsorted(charm.thisProxy.myPe(ret=True).get())\n", WAYS[way], imports=False)
    n = 1 if way == "python -m" else 4
    assert (result.stdout, result.status) == (f"{n}\n{list(range(n))}\n", 0), result.said
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("n", (None, 2))
def test_a_program_starts_a_session(n: int | None) -> None:
    """charm.start(interactive=True), with the program's own chares, functions and entry."""
    program = """
    from chariot import charm, Chare, Group
    class Mine(Chare):
        def ask(self, function):
            return function(self.thisIndex)
    def double(x):
        return 2 * x
    def first(args):
        print("first", args[1:], flush=True)
    charm.start(first, interactive=True)
    """
    command = [PYTHON] if n is None else [CHARIOT, "run", "-n", str(n)]
    script = """
    def triple(x): return 3 * x
    pes = list(range(charm.numPes()))
    eq("a function of the program", Group(Mine).ask(double, ret=True).get(), [2 * pe for pe in pes])
    eq("a function of the prompt", Group(Mine).ask(triple, ret=True).get(), [3 * pe for pe in pes])
    done()
    """
    result = holds(script, [*command, "prog.py", "a"], {"prog.py": program})
    assert "first ['a']" in result.stdout


ENTRIES = {
    "def": "def main(args):\n    readonlies.n = 5\n    charm.sleep(0)\n    done.append(1)",
    "async def": "async def main(args):\n    readonlies.n = 5\n    await charm.sleep(0)\n    done.append(1)",
    "partial": "import functools\nasync def entry(x, args):\n    readonlies.n = x\n    await charm.sleep(0)\n    done.append(1)\n"
    "main = functools.partial(entry, 5)",
}


@pytest.mark.parametrize("kind", ENTRIES)
def test_an_entry_before_the_prompt(kind: str) -> None:
    """It may wait, and its readonlies are everywhere; then comes the prompt."""
    program = f"""
from chariot import *
entered = done = []
class Mine(Chare):
    def __init__(self):
        self.seen = readonlies.n
    def get(self):
        return self.seen
{ENTRIES[kind]}
charm.start(main, interactive=True)
"""
    script = """
    eq("the entry has run to its end", entered, [1])
    from checks import done
    eq("readonlies", Group(Mine).get(ret=True).get(), [5, 5, 5])
    done()
    """
    holds(script, [CHARIOT, "run", "-n", "3", "prog.py"], {"prog.py": program})


@pytest.mark.parametrize("word", ("", "async "))
def test_an_entry_that_fails_before_the_prompt(word: str) -> None:
    """Its error is shown, and the session goes on."""
    program = f"from chariot import *\n{word}def main(args):\n    raise ValueError('no entry')\ncharm.start(main, interactive=True)\n"
    result = holds("done()\n", [CHARIOT, "run", "-n", "2", "prog.py"], {"prog.py": program})
    assert "ValueError: no entry" in result.stderr and "prog.py" in result.stderr, result.said
    assert "_console" not in result.stderr, result.stderr


@pytest.mark.parametrize("words", (["work"], ["pack"], ["pack.inner", "x"]))
def test_a_module_runs_before_the_prompt(words: list[str]) -> None:
    """`--interactive -m module`, as without `--interactive`."""
    text = "import sys\nfrom chariot import *\nclass Mine(Chare):\n    def hello(self): return self.thisIndex\nrest = sys.argv[1:]"
    files = {"work.py": text, "pack/__init__.py": "", "pack/__main__.py": text, "pack/inner.py": "from . import other\n" + text}
    script = f"""
    eq("its chares", Group(Mine).hello(ret=True).get(), [0, 1])
    eq("its arguments", rest, {words[1:]})
    done()
    """
    command = [CHARIOT, "run", "-n", "2", "--interactive", "-m", *words]
    holds(script, command, {**files, "pack/other.py": ""})
    result = session("", [*command[:-len(words)], "nowhere"], imports=False)
    assert result.status != 0 and "no module nowhere" in result.stderr and "Traceback" not in result.stderr, result.said


def test_lines_that_are_no_text() -> None:
    """An error of their statement; the session goes on."""
    command = [CHARIOT, "run", "-n", "2", "--interactive"]
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    lines = b'x = "\xff"\nprint("goes", "on")\n'
    result = subprocess.run(command, input=lines, capture_output=True, timeout=60, env=environment)
    assert b"goes on" in result.stdout and b"Unicode" in result.stderr and result.returncode == 0, result


def test_a_program_runs_before_the_prompt() -> None:
    program = "from chariot import *\nclass Mine(Chare):\n    def hello(self): return self.thisIndex\nimport sys\nargs = sys.argv[1:]"
    script = """
    eq("its chares", Group(Mine).hello(ret=True).get(), [0, 1])
    eq("its arguments", args, ["x", "--y"])
    done()
    """
    holds(script, [CHARIOT, "run", "-n", "2", "--interactive", "prog.py", "x", "--y"], {"prog.py": program})


def test_what_start_refuses() -> None:
    for entry, word in (("Chare", "Charm4PyError"), ("5", "TypeError"), ("none", "Charm4PyError")):
        program = f"from chariot import *\ndef none(): pass\ncharm.start({entry}, interactive=True)\n"
        result = session("", [PYTHON, "prog.py"], {"prog.py": program}, imports=False)
        assert result.status == 1 and word in result.stderr and "function" in result.stderr, result.said


def test_statements() -> None:
    """Values are shown, `_` is the last; blocks, decorators, strings and brackets over several lines; blank lines."""
    script = '''\
    1 + 1
    _ * 10
    None
    x = [1,
         2]
    for i in x:
        print("i", i)

        print("again")
    else:
        print("else")
    if not x: pass
    elif x:
        print("elif")

    try:
        1/0
    except ZeroDivisionError:
        print("caught")
    # a comment
    text = """a

    b"""
    text
    a = 1; b = 2; a + b
    @coro
    def f():

        # in it
        return 7
    f()
    from __future__ import annotations
    def g(x: not_there): return x
    g.__annotations__
    def last():
        return "last"
    last()'''
    result = session(textwrap.dedent(script), 1, imports=False)
    expected = "2 20 i 1 again i 2 again else elif caught 'a\\n\\nb' 3 7 {'x': 'not_there'} 'last'".split(" ")
    assert result.stdout.split() == " ".join(expected).split(), result.said
    assert result.stderr.startswith("chariot ") and result.stderr.count("\n") == 1 and result.status == 0


def test_errors_are_shown_and_the_session_goes_on() -> None:
    script = """
    1/0
    x = = 2
    if True:
        raise KeyError("in a block")
    def f():
        return g()
    def g():
        raise LookupError("deep")
    f()
    import not_there_at_all
    done()
    """
    result = holds(script, 2)
    for word in ("ZeroDivisionError", "SyntaxError", "KeyError: 'in a block'", "not_there_at_all", 'raise LookupError("deep")'):
        assert word in result.stderr, result.stderr
    assert "_console.py" not in result.stderr and "<prompt" in result.stderr


@pytest.mark.parametrize("n", (1, 2, 4))
def test_names(n: int) -> None:
    """self, charm, Chare, Group, Array, Reducer, coro, threaded, Channel; future() is also _f."""
    holds(
        """
        from chariot import charm as the_charm
        eq("charm", charm is the_charm, True)
        [name for name in ("Chare", "Group", "Array", "Reducer", "coro", "threaded", "Channel", "when", "Future") if name not in globals()]
        eq("all there", _, [])
        f = future()
        eq("_f", _f is f, True)
        f(3)
        eq("its value", f.get(), 3)
        eq("of two", [g := future(2), g(1), g(2), sorted(g.get())][-1], [1, 2])
        eq("self", isinstance(self, Chare) and self.thisProxy == self.thisProxy, True)
        eq("remote_exec", charm.thisProxy.eval("charm.options.remote_exec", ret=True).get(), [True] * charm.numPes())
        eq("everywhere", charm.thisProxy.eval("Chare.__name__ + coro.__name__", ret=True).get(), ["Charecoro"] * charm.numPes())
        class Peer(Chare):
            def __init__(self, console):
                self.channel = Channel(self, remote=console)
            @coro
            def serve(self):
                self.channel.send(self.channel.recv() * 2)

        peer = Chare(Peer, args=[self.thisProxy], onPE=charm.numPes() - 1)
        channel = Channel(self, remote=peer)
        peer.serve()
        channel.send(21)
        eq("a channel with the console", channel.recv(), 42)
        done()
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_chares_defined_at_the_prompt(n: int) -> None:
    """Classes that are chares are executed and registered on all PEs; plain functions and variables are not broadcast."""
    holds(
        """
        pes = list(range(charm.numPes()))
        last = pes[-1]
        class Counter(Chare):

            def __init__(self, start=0):
                self.value = start

            def add(self, n=1):
                self.value += n
                return self.value

            @coro
            def ask(self, other):
                return other.add(ret=True).get()

        g = Group(Counter, args=[10])
        charm.awaitCreation(g)
        eq("a group", g.add(5, ret=True).get(), [15] * len(pes))
        a = Array(Counter, (2, 3), args=[1])
        eq("an array", a.add(ret=True).get(), [2] * 6)
        one = Chare(Counter, onPE=last)
        eq("one calls another", one.ask(g[0], ret=True).get(), 16)

        # Bases that are expressions.
        charm.thisProxy.exec("import typing\\nT = typing.TypeVar('T')\\ndef mixed(c): return c", awaitable=True).get()
        class Generic(Counter, typing.Generic[T]):
            pass

        class Ints(Generic[int]):
            pass

        class Mixed(mixed(Counter)):
            pass

        for chare in (Generic, Ints, Mixed):
            eq("a base that is an expression", Group(chare).add(ret=True).get(), [1] * len(pes))

        # A subclass, defined in a block, with a decorator; and two classes at once.
        def marked(cls):
            cls.mark = "marked"
            return cls

        charm.thisProxy.exec("def marked(cls):\\n    cls.mark = 'marked'\\n    return cls", awaitable=True).get()
        if True:
            @marked
            class Named(Counter):
                def name(self): return self.mark, charm.myPe()
            class Second(Named): pass

        eq("a subclass", Chare(Named, onPE=last).name(ret=True).get(), ("marked", last))
        eq("and its own", Chare(Second, onPE=last).name(ret=True).get(), ("marked", last))

        # Defined again: later chares are of the new class.
        class Counter(Chare):
            def add(self, n=1): return "new"

        eq("the new class", Chare(Counter, onPE=last).add(ret=True).get(), "new")
        eq("the old chares", g[last].add(ret=True).get() >= 16, True)

        # Passed around, a class is the same everywhere.
        class Maker(Chare):
            def is_it(self, cls): return cls is Counter
            @coro
            def make(self, cls): return Group(cls).add(ret=True).get()

        eq("by name", Group(Maker).is_it(Counter, ret=True).get(), [True] * len(pes))
        eq("created elsewhere", Chare(Maker, onPE=last).make(Counter, ret=True).get(), ["new"] * len(pes))

        plain = 5
        eq("not broadcast", charm.thisProxy.eval("'plain' in globals()", ret=True).get(), [True] + [False] * last)
        charm.thisProxy.updateGlobals({"plain": 6}, awaitable=True).get()
        eq("updateGlobals", charm.thisProxy.eval("plain", ret=True).get(), [6] * len(pes))
        done()
        """,
        n,
    )


def test_a_class_that_fails_elsewhere_is_not_registered() -> None:
    result = holds(
        """
        limit = 3
        class Bad(Chare):
            most = limit

        raises("unknown", "Charm4PyError", lambda: Group(Bad), "Bad")
        charm.thisProxy.updateGlobals({"limit": 4}, awaitable=True).get()
        class Bad(Chare):
            most = limit
            def tell(self): return self.most

        eq("the second time", Group(Bad).tell(ret=True).get(), [4, 4])
        class Reserved(Chare):
            def wait(self): pass

        done()
        """,
        2,
    )
    assert "name 'limit' is not defined" in result.stderr and "PE 1" in result.stderr
    assert "Reserved" in result.stderr and "reserved" in result.stderr


MODULE = """
from chariot import Chare, charm
imported = True
class Worker(Chare):
    def where(self): return charm.myPe()
"""


@pytest.mark.parametrize("n", (1, 4))
def test_imports(n: int) -> None:
    """Import statements run on all PEs; chares of imported modules are registered everywhere."""
    holds(
        """
        import work
        from pack.more import Worker as More
        import json as j
        pes = list(range(charm.numPes()))
        eq("everywhere", charm.thisProxy.eval("work.imported and j.dumps([1])", ret=True).get(), ["[1]"] * len(pes))
        eq("its chares", Group(work.Worker).where(ret=True).get(), pes)
        eq("of the same name", Group(More).where(ret=True).get(), pes)
        import work
        eq("imported again", Group(work.Worker).where(ret=True).get(), pes)
        charm.options.interactive.broadcast_imports = False
        import other
        eq("not broadcast", charm.thisProxy.eval("'other' in globals()", ret=True).get(), [True] + [False] * (len(pes) - 1))
        eq("its chares all the same", Group(other.Worker).where(ret=True).get(), pes)
        done()
        """,
        n,
        {"work.py": MODULE, "other.py": MODULE, "pack/__init__.py": "", "pack/more.py": MODULE},
    )


def test_functions_of_the_prompt_travel_by_value() -> None:
    """As arguments and in charm.pool; what they refer to goes along."""
    holds(
        """
        import numpy as np
        factor = 3
        def helper(x):
            return factor * x

        def work(x):
            return helper(x) + int(np.sum([1]))

        class Doer(Chare):
            def do(self, f, x): return f(x)

        eq("an argument", Chare(Doer, onPE=1).do(work, 2, ret=True).get(), 7)
        eq("a lambda", Chare(Doer, onPE=1).do(lambda x: helper(x) * 2, 2, ret=True).get(), 12)
        class Point:
            def __init__(self, x): self.x = x

        eq("a Task", charm.pool.Task(work, (2,), ret=True).get(), 7)
        factor = 4
        eq("a Task of it as it is now", charm.pool.Task(work, (2,), ret=True).get(), 9)
        eq("an object of a plain class", Chare(Doer, onPE=1).do(lambda p: Point(p.x + 1), Point(1), ret=True).get().x, 2)
        done()
        """,
        2,
    )


def test_sections_at_the_prompt() -> None:
    """§9: functions of the prompt choose members; slices wait as statements do; what is refused is shown."""
    script = """
    class E(Chare):
        def idx(self):
            return self.thisIndex

    line, group = Array(E, 6), Group(E)
    def parity(chare):
        return chare.thisIndex[0] % 2

    even, odd = charm.split(line, 2, parity)
    eq("split", (even.idx(ret=True).get(), odd.idx(ret=True).get()), ([(0,), (2,), (4,)], [(1,), (3,), (5,)]))
    eq("slice and combination", charm.combine(line[::3], group[1:]).idx(ret=True).get(), [(0,), (3,), 1])
    line[9:]
    raises("an exception", ZeroDivisionError, lambda: charm.split(line, 1, lambda e: 1 // 0))
    done()
    """
    assert "would be empty" in holds(script, 2).stderr


@pytest.mark.parametrize("n", (1, 3))
def test_errors_of_others(n: int) -> None:
    """Exceptions print (remote: PE and remote stack) and the session continues, also those of constructors."""
    result = holds(
        """
        last = charm.numPes() - 1
        class Bad(Chare):
            def __init__(self, fails=False):
                if fails: raise RuntimeError("in a constructor")
            def fail(self, text, f=None):
                if f: f.send()
                raise ValueError(text)
            @coro
            def fail_later(self, text, f):
                charm.sleep(0.01)
                self.fail(text, f)
            def fine(self): pass
            async def fail_async(self):
                raise LookupError("async")

        b = Chare(Bad, onPE=last)
        b.fail("awaited", awaitable=True).get()
        raises("raised where it is waited for", ValueError, lambda: b.fail("caught", ret=True).get(), "caught")
        def a_second_later():
            b.fine(awaitable=True).get()  # what was sent to its PE before has failed now
            charm.sleep(1.1)

        def divides(f):
            f.send()
            1/0

        b.fail("nobody waits")
        a_second_later()
        f = Future()
        b.fail_later("a coroutine", f)
        f.get()
        a_second_later()
        Chare(Bad, args=[True], onPE=last)
        a_second_later()
        f = Future()
        charm.scheduleCallableAfter(divides, 0, [f])
        f.get()
        a_second_later()
        for i in range(20): b.fail(f"number {i}")

        for k in range(2): a_second_later()
        done()
        """,
        n,
    )
    assert "ValueError: awaited" in result.stderr and f"Remote traceback, PE {n - 1}" in result.stderr
    assert 'raise ValueError(text)' in result.stderr and "caught" not in result.stderr
    for text in ("nobody waits", "a coroutine", "in a constructor", "division by zero", "number 0"):
        assert text in result.stderr, result.stderr
    assert f"PE {n - 1}, Bad.fail()" in result.stderr
    shown = result.stderr.count("ValueError: number")  # one in a second
    left_out = re.findall(rf"PE {n - 1}: (\d+) more errors", result.stderr)
    assert shown < 20 and shown + sum(map(int, left_out)) == 20, result.stderr


@pytest.mark.parametrize(("last", "status"), [("exit()", 0), ("charm.exit(5)", 5), ("import sys; sys.exit(7)", 7), ("exit(9)", 9)])
def test_exit(last: str, status: int) -> None:
    result = session(f"print('here')\n{last}\nprint('not here')\n", 2, imports=False)
    assert (result.stdout, result.status) == ("here\n", status), result.said


def test_a_chare_ends_the_job() -> None:
    script = "class A(Chare):\n    def end(self): charm.exit(3)\n\nGroup(A)[1].end()\nFuture().get()\n"
    assert session(script, 2, imports=False).status == 3
    result = session("class A(Chare):\n    def end(self): charm.abort('enough')\n\nGroup(A)[1].end()\nFuture().get()\n", 2)
    assert result.status == 1 and "enough" in result.stderr


def test_pe_0_goes_on_while_it_waits_for_a_line() -> None:
    """While nothing is typed, calls of chares on PE 0 are served."""

    script = (
        "class A(Chare):\n    def hit(self, n):\n        print('hit', n, flush=True)\n"
        "        if n < 20: self.thisProxy[(self.thisIndex + 1) % 2].hit(n + 1)\n\nGroup(A)[0].hit(0)\n"
    )
    with subprocess.Popen(
        [CHARIOT, "run", "-n", "2", "--interactive"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdin is not None and child.stdout is not None
        child.stdin.write(script)
        child.stdin.flush()
        got = sorted(int(child.stdout.readline().split()[1]) for _ in range(21))
        child.stdin.close()
        assert got == list(range(21)) and child.wait(60) == 0


def test_a_line_that_is_printed_while_one_is_typed_is_whole() -> None:
    """Also where PYTHONUNBUFFERED would have it written in pieces."""
    result = holds(
        """
        import time
        class A(Chare):
            def say(self):
                print("the", end=" ")
                time.sleep(0.3 if charm.myPe() == 0 else 0.1)
                print("whole", "line")

        charm.sleep(0.1)
        all_of_them = Group(A)
        all_of_them.say()
        1 + 1
        all_of_them.say(awaitable=True).get()
        done()
        """,
        ["env", "PYTHONUNBUFFERED=1", CHARIOT, "run", "-n", "2", "--interactive"],
    )
    assert [line for line in result.stdout.splitlines() if "the" in line or "whole" in line] == 4 * ["the whole line"], result.stdout


def test_a_statement_that_waits_in_vain_is_cancelled() -> None:
    """Watchdog: blocked while the job is quiescent for 2 s: an error, and the session goes on; not so sleep and waitQD."""
    result = holds(
        """
        class Stuck(Chare):
            @coro
            def wait_for_ever(self): charm.Future().get()

        def f():
            try:
                Chare(Stuck).wait_for_ever(awaitable=True).get()
            finally:
                print("cleaned up")

        f()
        charm.waitQD()
        charm.sleep(2.5)
        done()
        """,
        2,
    )
    assert "waits for what nothing in the job will bring" in result.stderr and "in f" in result.stderr, result.stderr
    assert "cleaned up" in result.stdout and result.stderr.count("Traceback") == 1


@pytest.mark.parametrize("n", (1, 3))
def test_the_tutorial(n: int) -> None:
    """§17, tutorial: the walk through the model at the prompt."""
    holds(
        """
        n = charm.numPes()
        eq("myPe", charm.myPe(), 0)
        eq("numHosts", charm.numHosts(), 1)
        class Simple(Chare):
            def work(self, x):
                self.x = x
                return x * 2
            def who(self):
                return charm.myPe()

        one = Chare(Simple, onPE=n - 1)
        eq("asynchronous", one.work(1), None)
        eq("ret", one.work(4, ret=True).get(), 8)
        one.work(4, awaitable=True).get()
        for i in range(100): one.work(i)

        charm.waitQD()
        group = Group(Simple)
        eq("a group", group.who(ret=True).get(), list(range(n)))
        eq("an element", group[n - 1].who(ret=True).get(), n - 1)
        array1, array2 = Array(Simple, 8), Array(Simple, (2, 3))
        eq("1-D", len(array1.who(ret=True).get()), 8)
        eq("2-D", array2[1, 2].work("ab", ret=True).get(), "abab")
        eq("the runtime", charm.thisProxy.eval("charm.myPe()", ret=True).get(), list(range(n)))
        charm.thisProxy.updateGlobals({"SIZE": 12}, awaitable=True).get()
        eq("globals", charm.thisProxy[n - 1].eval("SIZE", ret=True).get(), 12)
        import numpy as np
        class Part(Chare):
            def sum_to(self, target): self.reduce(target, self.thisIndex[0], Reducer.sum)
            def arrays_to(self, target): self.reduce(target, np.arange(3) * self.thisIndex[0], Reducer.sum)
            def result(self, value): self.got = value
            def get(self): return self.got

        parts = Array(Part, 4)
        parts.sum_to(future())
        eq("to a future", _f.get(), 6)
        parts.sum_to(parts[2].result)
        charm.waitQD()
        eq("to an element", parts[2].get(ret=True).get(), 6)
        parts.arrays_to(parts.result)
        charm.waitQD()
        eq("to all", [v.tolist() for v in parts.get(ret=True).get()], [[0, 6, 12]] * 4)
        eq("the pool", charm.pool.map(abs, range(-5, 5)), [abs(i) for i in range(-5, 5)])
        def square(x): return x * x

        eq("the pool, with a function of the prompt", charm.pool.map(square, range(10)), [i * i for i in range(10)])
        done()
        """,
        n,
    )
