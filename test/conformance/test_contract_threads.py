"""The runtime called from a thread of the program's own is refused, whatever the call, and harmed by none."""

from __future__ import annotations

import pytest
from harness import holds


@pytest.mark.parametrize("n", (None, 1, 3))
def test_calls_from_a_thread_are_refused(n: int | None) -> None:
    holds(
        """
        import threading

        class E(Chare):
            def ping(self):
                return self.thisIndex

        def main(args):
            group, array, future = Group(E), Array(E, ndims=1), Future()
            charm.awaitCreation(group)
            chare, pickled = group.ckLocalBranch(), pickle.dumps(group)
            kept = [Future() for _ in range(100)]
            calls = {
                "call": lambda: group.ping(), "ret": lambda: group.ping(ret=True), "element": lambda: group[0].ping(),
                "Group": lambda: Group(E), "Array": lambda: Array(E, 2), "Chare": lambda: Chare(E), "insert": lambda: array.ckInsert(1),
                "inserted": lambda: array.ckDoneInserting(), "Future": lambda: Future(), "send": lambda: future.send(1),
                "call a future": lambda: future(1), "get": lambda: future.get(), "ready": lambda: future.ready(), "cancel": lambda: future.cancel(),
                "destroy": lambda: group.destroy(), "awaitCreation": lambda: charm.awaitCreation(group), "exit": lambda: charm.exit(5),
                "abort": lambda: charm.abort("no"), "load": lambda: pickle.loads(pickled), "local": lambda: group.ckLocalBranch(),
                "after": lambda: charm.scheduleCallableAfter(print, 0.01), "remote exit": lambda: charm.thisProxy.exit(5),
                "reduce": lambda: chare.reduce(future), "allreduce": lambda: chare.allreduce(), "thisProxy": lambda: chare.thisProxy,
            }
            outcome = {}
            def work():
                kept.clear()  # they go on this thread
                for what, call in calls.items():
                    try:
                        outcome[what] = call()
                    except BaseException as error:
                        outcome[what] = error
                outcome["myPe"] = charm.myPe(), charm.numPes()
            thread = threading.Thread(target=work)
            thread.start()
            while thread.is_alive():
                charm.sleep(0.001)
            eq("who it is may be asked", outcome.pop("myPe"), (charm.myPe(), charm.numPes()))
            for what, error in outcome.items():
                check(f"{what}: {error!r}", is_charm_error(error) and "thread" in str(error))
            eq("unharmed", group.ping(ret=True).get(), list(range(charm.numPes())))
            future.send(3)
            eq("unharmed", future.get(), 3)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_a_thread_sleeps_by_itself(n: int | None) -> None:
    """§3.4: charm.sleep() blocks where no coroutine runs; a thread is none, whatever the PE runs meanwhile."""
    holds(
        """
        import threading

        class E(Chare):
            def ping(self):
                return self.thisIndex

        @coro
        def main(args):
            group, slept = Group(E), []
            def work():
                begin = time.monotonic()
                try:
                    slept.append((charm.sleep(0.1), time.monotonic() - begin >= 0.1))
                except Exception as error:
                    slept.append(error)
            thread = threading.Thread(target=work)
            thread.start()
            thread.join()  # in a coroutine: it is the one that runs
            eq("while the PE stands", slept, [(None, True)])
            thread = threading.Thread(target=work)
            thread.start()
            while thread.is_alive():
                eq("the PE goes on", group.ping(ret=True).get(), list(range(charm.numPes())))
            eq("while it goes on", slept, [(None, True)] * 2)
            done()

        charm.start(main)
        """,
        n,
    )
