"""The names of Charm4py (§0, §1, §2): where they lead to us, that they are the same things, and where they do not."""

from __future__ import annotations

import pytest
from harness import BIN, PYTHON, launch, run

ON = {"CHARIOT_CHARM4PY": "1"}
PROGRAM = """
import os, pickle, sys
import charm4py
import charm4py.charm
import charm4py.threads
import charm4py.wait
from charm4py import (charm, Chare, Group, Array, ArrayMap, Reducer, Future, coro, threaded, readonlies, Options, register,
                      charm4py_version)
from charm4py.charm import Charm4PyError
from charm4py.chare import GROUP, ARRAY
from charm4py.threads import NotThreadedError
from charmrun import start
import charmrun.start
import chariot, chariot.threads

@register
class Box(Chare):
    def __init__(self, base):
        self.base = base
    def twice(self, x):
        return 2 * x + self.base
    def send_back(self, values):
        import charm4py as again
        assert again is sys.modules["chariot"]
        return values
    @coro
    def wait_in_vain(self):
        raise charm4py.charm.thisProxy and Charm4PyError("mine")
    def cannot_wait(self):
        Future()

def main(args):
    assert charm4py is chariot and charm4py.threads is chariot.threads and charm4py.charm is charm
    assert sys.modules["charm4py.charm"] is sys.modules["chariot.charm"] and charm4py_version == chariot.__version__
    assert chariot.__spec__.name == "chariot" and chariot.threads.__spec__.name == "chariot.threads"
    assert Box.__mro__[1] is chariot.Chare and Charm4PyError is chariot.Charm4PyError
    assert pickle.loads(pickle.dumps(charm4py.Charm4PyError)) is Charm4PyError
    assert b"charm4py" not in pickle.dumps([charm4py.threads.Future, charm4py.charm, charm4py.Reducer])
    assert start is charmrun.start and callable(start.start)
    assert charm4py.wait.iwait == charm.iwait
    boxes = Group(Box, args=[1])
    assert boxes.twice(4, ret=True).get() == [9] * charm.numPes()
    sent = [boxes, boxes[0].twice, Charm4PyError("x"), charm, Reducer.sum]
    got = boxes[charm.numPes() - 1].send_back(sent, ret=True).get()
    assert got[:2] == sent[:2] and type(got[2]) is Charm4PyError and got[3] is charm and got[4] is Reducer.sum
    for method, kind in (boxes[0].wait_in_vain, Charm4PyError), (boxes[0].cannot_wait, NotThreadedError):
        try:
            method(awaitable=True).get()
        except kind:
            pass
        else:
            raise AssertionError(kind)
    try:
        import charm4py.nothing as nothing
    except ModuleNotFoundError as error:
        assert error.name == "charm4py.nothing", error.name
    print("all is well", charm.numPes(), args[1:], flush=True)
    charm.exit(5)

charm.start(main)
"""


@pytest.mark.parametrize(
    "words, pes",
    [
        ([BIN / "chariot", "run", "-n", "2", "--charm4py", "prog.py", "a"], 2),
        ([BIN / "charmrun", "+p2", "prog.py", "a", "++local"], 2),
    ],
)
def test_launchers_that_make_the_names_ours(words: list[str], pes: int) -> None:
    result = launch(words, PROGRAM)
    assert result.status == 5 and f"all is well {pes} ['a']\n" in result.stdout, result


@pytest.mark.parametrize(
    "words, pes",
    [
        ([PYTHON, "prog.py", "a"], 1),
        ([PYTHON, "-m", "charmrun.start", "+p2", "prog.py", "a"], 2),
        ([PYTHON, "-m", "charmrun.start", "++local", "+p", "3", "prog.py", "a"], 3),
        ([BIN / "chariot", "run", "-n", "2", "prog.py", "a"], 2),
    ],
)
def test_the_variable_makes_the_names_ours(words: list[str], pes: int) -> None:
    result = launch(words, PROGRAM, environment=ON)
    assert result.status == 5 and f"all is well {pes} ['a']\n" in result.stdout, result


def test_start_returns_the_exit_code() -> None:
    """charmrun.start.start(args), sys.argv[1:] by default; 1 and a message where there is no command."""
    text = """
from charmrun import start
import os, sys
print("code", start.start(["+p2", "prog.py"]))
sys.argv = ["x", "+p1", "prog.py"]
print("code", start.start())
os.environ["PATH"] = "/nowhere"
sys.executable = "/nowhere/python"
print("code", start.start(["+p2", "prog.py"]))
"""
    program = "from charm4py import charm\ncharm.start(lambda args: charm.exit(charm.numPes() + 10))\n"
    result = launch([PYTHON, "launch.py"], program, {"launch.py": text}, ON)
    assert result.stdout == "code 12\ncode 11\ncode 1\n" and "charmrun" in result.stderr, result


def test_the_names_are_not_ours_otherwise() -> None:
    """A real charm4py, here a file of that name, is found as ever; without one there is none."""
    text = "from charm4py import real\nprint(real, flush=True)\n"
    real = {"charm4py.py": "real = 'the real one'\n"}
    assert launch([PYTHON, "prog.py"], text, real).stdout == "the real one\n"
    result = launch([PYTHON, "prog.py"], text)
    assert "No module named 'charm4py'" in result.stderr
    result = run("import charmrun", None)
    assert "No module named 'charmrun'" in result.stderr
    shadowed = launch([PYTHON, "prog.py"], "import charm4py, chariot\nprint(charm4py is chariot)\n", real, ON)
    assert shadowed.stdout == "True\n"


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    text = "import sys\nprint([name for name in sys.modules if 'chariot' in name])\n"
    assert launch([PYTHON, "prog.py"], text).stdout == "[]\n"
    assert launch([PYTHON, "prog.py"], text, environment=ON).stdout == "['_chariot_alias']\n"
