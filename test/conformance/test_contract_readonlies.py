"""readonlies (§15): what the entry sets before it first suspends, everywhere before anything else runs there."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)

PROGRAM = """
    from chariot import readonlies as ro

    class Early(Chare):
        def __init__(self):
            self.seen = ro.number, ro.name, ro.array.sum(), ro.again.x
        def get(self):
            return self.seen, hasattr(ro, "late")

    class Values:
        x = 3

    def fill():
        group = Group(Early)                 # created before they are set: constructors see them all the same
        alone = Chare(Early, onPE=charm.numPes() - 1)
        array = Array(Early, 5)
        ro.number, ro.name, ro.array, ro.again = 1, "two", np.arange(1000), Values()
        ro.number += 1
        return group, alone, array

    def look(group, alone, array):
        want = (2, "two", np.int64(499500), 3)
        eq("group", group.get(ret=True).get(), [(want, pe == 0 and hasattr(ro, "late")) for pe in range(charm.numPes())])
        eq("alone", alone.get(ret=True).get()[0], want)
        eq("array", [got for got, late in array.get(ret=True).get()], [want] * 5)
    """


@pytest.mark.parametrize("n", ALL)
def test_values_are_there_before_constructors(n: int | None) -> None:
    holds(
        PROGRAM
        + """
    def main(args):
        proxies = fill()
        charm.awaitCreation(*proxies)
        ro.late = 5                          # later changes are not sent
        look(*proxies)
        raises("underscore", "Charm4PyError", lambda: setattr(ro, "_a", 1), "_a")
        raises("underscore behind", "Charm4PyError", lambda: setattr(ro, "a_", 1), "a_")
        raises("never set", AttributeError, lambda: ro.nothing, "nothing")
        done()

    charm.start(main)
    """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 4))
def test_values_from_a_main_chare(n: int | None) -> None:
    holds(
        PROGRAM
        + """
    class Main(Chare):
        def __init__(self, args):
            proxies = fill()
            look(*proxies)
            done()

    charm.start(Main)
    """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_a_program_that_imports_them_and_sets_nothing(n: int) -> None:
    holds(
        """
        from chariot import *
        class Box(Chare):
            def who(self):
                return charm.myPe()
        async def main(args):
            eq("called", await Group(Box).who(ret=True), list(range(charm.numPes())))
            done()
        charm.start(main)
        """,
        n,
    )


def test_imported_by_pe_0_alone() -> None:
    """No PE waits for ever; values come as soon as they can."""
    holds(
        """
        class Box(Chare):
            def look(self):
                return getattr(sys.modules.get("chariot._readonlies"), "readonlies").x
        def main(args):
            from chariot import readonlies
            readonlies.x = 7
            charm.sleep(0.05)
            eq("there", Group(Box).look(ret=True).get(), [7] * charm.numPes())
            done()
        charm.start(main)
        """,
        3,
    )


@pytest.mark.parametrize("n", (1, 3))
def test_endings_while_others_wait(n: int) -> None:
    text = "from chariot import readonlies\ndef main(args):\n    {}\ncharm.start(main)"
    fails(text.format("charm.exit(9)"), n, status=9)
    fails(text.format("1 / 0"), n, "ZeroDivisionError", "PE 0, main()")
    if n > 1:
        fails(text.format("readonlies.x = (i for i in ())"), n, "generator", "readonlies")
