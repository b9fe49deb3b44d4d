"""Names that were removed before 1.0 (§0, §1): thin aliases that warn."""

from __future__ import annotations

import pytest
from harness import fails, holds, run


@pytest.mark.parametrize("n", (None, 2))
def test_old_names_work_and_warn(n: int | None) -> None:
    holds(
        """
        import warnings
        from chariot import CkMyPe, CkNumPes, threaded
        warnings.simplefilter("always")

        class Box(Chare):
            @threaded
            def old(self):
                with warnings.catch_warnings(record=True) as said:
                    warnings.simplefilter("always")
                    charm.barrier(self)
                    total = charm.allReduce(self.thisIndex + 1, Reducer.sum, self).get()
                return total, [w.category.__name__ for w in said], all(w.filename == __file__ for w in said)
            def gather_old(self, target):
                self.gather(self.thisIndex * 10, target)
            def where(self):
                return charm.myPe()
            def move(self):
                self.migrateMe(0)

        class Wanders(Chare):
            def where(self):
                return charm.myPe()

        def warned(what, function, word):
            with warnings.catch_warnings(record=True) as said:
                warnings.simplefilter("always")
                value = function()
            check(what + ": warns", len(said) == 1 and said[0].category is DeprecationWarning and word in str(said[0].message))
            check(what + ": says where", said and said[0].filename == __file__)
            return value

        def main(args):
            pes = list(range(charm.numPes()))
            eq("CkMyPe", warned("CkMyPe", CkMyPe, "charm.myPe"), 0)
            eq("CkNumPes", warned("CkNumPes", CkNumPes, "charm.numPes"), len(pes))
            eq("physicalNodeID", warned("physicalNodeID", lambda: charm.physicalNodeID(0), "getPeHost"), 0)
            eq("physicalRank", warned("physicalRank", lambda: charm.physicalRank(pes[-1]), "getPeHostRank"), pes[-1])
            eq("numPhysicalNodes", warned("numPhysicalNodes", charm.numPhysicalNodes, "numHosts"), 1)
            eq("firstPeOnPhysicalNode", warned("first", lambda: charm.firstPeOnPhysicalNode(0), "getHostFirstPe"), 0)
            eq("numPesOnPhysicalNode", warned("num", lambda: charm.numPesOnPhysicalNode(0), "getHostNumPes"), len(pes))
            eq("getPesOnPhysicalNode", warned("get", lambda: charm.getPesOnPhysicalNode(0), "getHostPes"), pes)
            future = warned("senders", lambda: charm.createFuture(senders=2), "num_vals")
            future(1), future(2)
            eq("senders", future.get(), [1, 2])
            chare = warned("Chare(C, pe)", lambda: Chare(Box, pes[-1]), "onPE")
            eq("Chare(C, pe)", chare.where(ret=True).get(), pes[-1])
            group = Group(Box)
            for total, names, here in group.old(ret=True).get():
                eq("barrier, allReduce", total, sum(pes) + len(pes))
                eq("their warnings", names, ["DeprecationWarning"] * 2)
                check("from the program", here)
            future = Future()
            group.gather_old(future)
            eq("gather", future.get(), [pe * 10 for pe in pes])
            raises("migrateMe", "Charm4PyError", lambda: chare.move(awaitable=True).get(), "Box cannot move")
            array = Array(Wanders, 2)
            array.migrateMe(pes[-1], awaitable=True).get()
            eq("migrateMe through a proxy", array.where(ret=True).get(), [pes[-1]] * 2)
            done()

        charm.start(main)
        """,
        n,
    )


def test_old_endings() -> None:
    text = "from chariot import CkExit, CkAbort\ndef main(args):\n    {}\ncharm.start(main)"
    result = run(text.format("CkExit(4)"), 2)
    assert result.status == 4 and "DeprecationWarning" in result.stderr, result
    assert run(text.format("CkExit()"), None).status == 0
    fails(text.format("CkAbort('the end of it')"), 2, "the end of it", "PE 0")


def test_old_gather_gives_way_to_the_users_own() -> None:
    holds(
        """
        class Box(Chare):
            def gather(self, x):
                return x
            def use(self):
                return self.gather(3)
        def main(args):
            box = Chare(Box)
            eq("remote", box.gather(5, ret=True).get(), 5)
            eq("local", box.use(ret=True).get(), 3)
            done()
        charm.start(main)
        """,
        1,
    )
