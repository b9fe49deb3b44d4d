"""§13: AtSync and resumeFromSync: steps that end together."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_steps_without_a_balancer(n: int | None) -> None:
    holds(
        """
        class Base(Chare):
            def __init__(self, steps, done):
                self.left, self.done, self.seen = steps, done, []
            def work(self):
                self.seen.append("work")
                self.left -= 1
                if self.left < 0:
                    self.reduce(self.done, self.seen.count("resumed"), Reducer.sum)
                else:
                    self.AtSync()
            def resumeFromSync(self):
                self.seen.append("resumed")
                self.thisProxy[self.thisIndex].work()

        class Sparse(Base):
            @coro
            def resumeFromSync(self):
                charm.sleep(0)
                self.seen.append("resumed")
                self.work()

        class Silent(Chare):
            def begin(self):
                self.AtSync()
                raises("twice", "Charm4PyError", self.AtSync, "already")

        class Aside(Chare):
            def refuse(self):
                raises("no part", "Charm4PyError", self.AtSync, "useAtSync=True")
                return True

        def main(args):
            eq("array", Array(Aside, 2).refuse(ret=True).get(), [True, True])
            eq("group", Group(Aside).refuse(ret=True).get(), [True] * charm.numPes())
            eq("single", Chare(Aside).refuse(ret=True).get(), True)

            ended = Future()
            array = Array(Base, (3, 4), args=[5, ended], useAtSync=True)
            array.work()
            eq("dense", ended.get(), 12 * 5)
            array.destroy(awaitable=True).get()

            first, second = Future(), Future()
            array = Array(Base, 7, args=[3, first], useAtSync=True)
            inserted = Array(Sparse, ndims=1)
            for i in range(5):
                inserted.ckInsert(i, args=[3, second], useAtSync=True)
            inserted.ckDoneInserting()
            charm.awaitCreation(array)
            inserted.work(awaitable=True)
            array.work()
            eq("dense beside inserted", first.get(), 7 * 3)
            eq("inserted", second.get(), 5 * 3)
            array.destroy(awaitable=True).get()
            inserted.destroy(awaitable=True).get()

            Array(Silent, 3, useAtSync=True).begin(awaitable=True).get()
            done()

        charm.start(main)
        """,
        n=n,
    )


def test_a_step_that_never_ends_is_reported() -> None:
    fails(
        """
        class Worker(Chare):
            def work(self):
                if self.thisIndex != (1,):
                    self.AtSync()
            def resumeFromSync(self):
                charm.exit()

        def main(args):
            Array(Worker, 4, useAtSync=True).work()

        charm.start(main)
        """,
        2,
        "3 of the 4 elements that take part in load balancing have called AtSync()",
        status=75,
    )
