"""§9: what is refused when sections are made and used, and what section functions raise."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds, run
from section_elements import ELEMENTS

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_section_functions_fail(n: int | None) -> None:
    """Exceptions of a section_func come to the caller of split as themselves, and nothing is made."""
    holds(
        ELEMENTS
        + """
class Own(Exception):
    def __init__(self, a, b):
        super().__init__(a)
        self.b = b

def main(args):
    n = charm.numPes()
    line, group = Array(E, 8), Group(E)
    def boom(e):
        if e.thisIndex == (7,):
            raise Own("no luck", 42)
        return 0
    error = raises("as itself", Own, lambda: charm.split(line, 1, boom), "no luck")
    check("whole", getattr(error, "b", None) == 42)
    pe, text = error.remote_stacktrace
    check("with its place", pe == get(line[7], "where") and "in boom" in text and "no luck" in text)
    for what, f, kind, words in (
            ("too large", lambda e: e.thisIndex[0], ValueError, ["E", "numsections is 4", "section"]),
            ("one too large", lambda e: [0, 4], ValueError, ["section 4"]),
            ("huge", lambda e: 2**40, ValueError, [str(2**40)]),
            ("beyond 64 bits", lambda e: 2**70, ValueError, ["section_func"]),
            ("a string", lambda e: "ab", TypeError, ["section_func", "'a'"]), ("a float", lambda e: 0.5, TypeError, ["0.5"]),
            ("a float inside", lambda e: [0, 1.5], TypeError, ["1.5"]), ("a coroutine", asynchronous, TypeError, ["coroutine"]),
            ("no parameter", lambda: 0, TypeError, ["argument"]), ("two", lambda e, f: 0, TypeError, ["argument"]),
            ("iteration fails", lambda e: iter_fails(), LookupError, ["half"]),
            ("an attribute", lambda e: e.nosuch, AttributeError, ["nosuch"]),
            ("waiting", lambda e: Future().get(), "NotThreadedError", []),
            ("a wait for a future", lambda e: charm.split(line, 1, lambda e: 0), "NotThreadedError", [])):
        raises(what, kind, lambda: charm.split(line, 4, f), *words)
    error = raises("which element", ValueError, lambda: charm.split(line, 2, lambda e: 2 if e.thisIndex[0] == 5 else 0), "(5,)")
    error = raises("which element of a group", ValueError, lambda: charm.split(group, 1, lambda e: 1 if e.thisIndex == n - 1 else 0),
                   f"element {n - 1} of E")
    raises("nobody joins", ValueError, lambda: charm.split(line, 1, lambda e: -1), "empty")
    raises("one stays empty", ValueError, lambda: charm.split(line, 3, lambda e: [0, 2]), "empty", "1")
    class Sour:
        def __reduce__(self):
            return (sour, ())
    raises("a function that cannot be read elsewhere", ArithmeticError, lambda: charm.split(line, 1, Sour_call(Sour())), "sour")
    class Fixed:
        def __reduce__(self):
            raise TypeError("stays here")
    fixed = Fixed()
    raises("one that cannot be sent", TypeError, lambda: charm.split(line, 1, lambda e: fixed), "stays here")
    eq("all goes on", get(charm.split(line, 1, lambda e: 0 if e.thisIndex[0] else -1)[0]), [(i,) for i in range(1, 8)])
    done()

async def asynchronous(e):
    return 0

def iter_fails():
    yield 0
    raise LookupError("half way")

def sour():
    raise ArithmeticError("sour")

class Sour_call:
    def __init__(self, inside):
        self.inside = inside
    def __call__(self, e):
        return 0

charm.start(main)
""",
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_misuse(n: int) -> None:
    """Text, type and place of what is refused: at the call, never an AssertionError, and all goes on."""
    holds(
        ELEMENTS
        + """
class Main(Chare):
    def __init__(self, args):
        line, plane, group, single = Array(E, 6), Array(E, (2, 2)), Group(E), Chare(E)
        f = lambda e: 0
        for what, call, kind, words in (
                ("no argument", lambda: charm.split(), TypeError, ["split"]),
                ("no number", lambda: charm.split(line), TypeError, ["numsections"]),
                ("neither", lambda: charm.split(line, 2), TypeError, ["section_func", "elems", "none"]),
                ("both", lambda: charm.split(line, 1, f, [[0]]), TypeError, ["section_func", "elems", "both"]),
                ("number 0", lambda: charm.split(line, 0, f), ValueError, ["numsections", "0"]),
                ("a negative number", lambda: charm.split(line, -1, f), ValueError, ["numsections", "-1"]),
                ("a float", lambda: charm.split(line, 2.0, f), TypeError, ["numsections", "float"]),
                ("a string", lambda: charm.split(line, "2", f), TypeError, ["numsections", "str"]),
                ("no function", lambda: charm.split(line, 1, 5), TypeError, ["section_func", "int"]),
                ("no proxy", lambda: charm.split(5, 1, f), TypeError, ["proxies", "int"]),
                ("a method", lambda: charm.split(line.idx, 1, f), TypeError, ["RemoteMethod"]),
                ("an element", lambda: charm.split(line[0], 1, f), TypeError, ["element", "thisProxy"]),
                ("a single chare", lambda: charm.split(single, 1, f), TypeError, ["chare of its own"]),
                ("the main chare", lambda: charm.split(self.thisProxy, 1, f), TypeError, ["chare of its own"]),
                ("the main chare", lambda: self.thisProxy[0:1], TypeError, ["chare of its own"]),
                ("the main chare", lambda: charm.combine(self.thisProxy), TypeError, ["chare of its own"]),
                ("too few lists", lambda: charm.split(line, 2, elems=[[0]]), ValueError, ["numsections is 2", "1"]),
                ("too many", lambda: charm.split(line, 1, elems=[[0], [1]]), ValueError, ["numsections is 1", "2"]),
                ("too many", lambda: charm.split(line, 2, elems=[[0], [1], [2]]), ValueError, ["numsections is 2", "3"]),
                ("flat for two", lambda: charm.split(line, 2, elems=[0, 1]), TypeError, ["elems[0]", "int"]),
                ("no list", lambda: charm.split(line, 1, elems=3), TypeError, ["elems", "int"]),
                ("an empty list", lambda: charm.split(line, 2, elems=[[0], []]), ValueError, ["section 1", "empty"]),
                ("an empty list", lambda: charm.split(line, 1, elems=[]), ValueError, ["section 0", "empty"]),
                ("dimensions", lambda: charm.split(line, 1, elems=[(0, 1)]), ValueError, ["dimension", "(0, 1)"]),
                ("dimensions", lambda: charm.split(plane, 1, elems=[0]), ValueError, ["dimension"]),
                ("a string as index", lambda: charm.split(line, 1, elems=["a"]), TypeError, ["integers", "str"]),
                ("a float as index", lambda: charm.split(line, 1, elems=[[0.5]]), TypeError, ["integers", "float"]),
                ("no such element", lambda: charm.split(line, 1, elems=[0, 17]), ValueError, ["section 0", "1 of its 2 indices", "no element"]),
                ("no such element", lambda: charm.split(line, 1, elems=[-1]), ValueError, ["no element"]),
                ("no such element", lambda: charm.split(plane, 1, elems=[(0, 0), (5, 0)]), ValueError, ["no element"]),
                ("not in the section", lambda: charm.split(line[0:2], 1, elems=[3]), ValueError, ["no element"]),
                ("no such PE", lambda: charm.split(group, 1, elems=[99]), ValueError, ["99"]),
                ("no such PE", lambda: charm.split(group, 1, elems=[[-1]]), ValueError, ["-1"]),
                ("unknown keyword", lambda: charm.split(line, 1, f, colour=1), TypeError, ["colour"]),
                ("combine by name", lambda: charm.combine(line, proxy=line), TypeError, ["combine"]),
                ("map", lambda: Array(E, 2, map=Group(E, onPEs=[0])), TypeError, ["map"])):
            raises(what, kind, call, *words)
        eq("all goes on", get(charm.split(line, 1, f)[0]), get(line))
        done()

charm.start(Main)
""",
        n,
    )


@pytest.mark.parametrize("end, status", [("charm.exit(5)", 5), ("sys.exit(6)", 6), ("exit(7)", 7)])
def test_a_section_function_may_end_the_job(end: str, status: int) -> None:
    text = f"""
def main(args):
    line = Array(E, 4)
    charm.split(line, 1, lambda e: {end} if e.thisIndex == (3,) else 0)

charm.start(main)
"""
    assert run(ELEMENTS + text, 2).status == status


@pytest.mark.parametrize("what", ("a non-member", "a member that does not contribute"))
def test_what_waits_for_ever_is_reported(what: str) -> None:
    """§0: a job that hangs says what is missing."""
    waits = "Group(E, onPEs=[0])[1].idx(ret=True).get()" if what == "a non-member" else "half[0].agree(half, ret=True).get()"
    said = ["result of E[1].idx", "waits for a chare"] if what == "a non-member" else ["over a section of E", "1 contribution of its 2 elements"]
    fails(ELEMENTS + f"""
def main(args):
    half = Array(E, 4)[::2]
    {waits}

charm.start(main)
""", 2, *said, status=75)


def test_before_the_start() -> None:
    result = run(
        """
        for call in (lambda: charm.split(1, 1, len), lambda: charm.combine(), lambda: Group(Chare, onPEs=[0])):
            try:
                call()
            except Exception as error:
                print(type(error).__name__, error)
        charm.exit()
        """,
        None,
    )
    assert result.stdout.count("Charm4PyError the runtime is not running") == 3, result.said
