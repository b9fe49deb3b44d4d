"""§7, §0 futures: late sends, cancelling from anywhere, time limits, identity on every PE, counts."""

from __future__ import annotations

import pytest
from harness import PES, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_late_values(n: int | None) -> None:
    """§0: a late send is a clear error to the sender: an exception here, a line of that PE's where the owner is another."""
    result = holds(
        """
        class E(Chare):
            def send(self, f, value): f.send(value)
            def reduce_to(self, f): self.reduce(f, 1, Reducer.sum)

        def main(args):
            group = Group(E)
            for count in (1, 3):
                f = Future(count)
                for k in range(count): f.send(k)
                for send in (f.send, f, lambda value: f.send(value=value)):
                    raises("late", "Charm4PyError", lambda: send(9), "No pending future", str(count))
                eq("it is as it was", f.get(), 0 if count == 1 else [0, 1, 2])
            raises("a method of this PE", "Charm4PyError", lambda: group[0].send(f, 1, awaitable=True).get(), "No pending")
            last = charm.numPes() - 1
            if last > 0:
                group[last].send(f, 9, awaitable=True).get()
            done_ = Future()
            group.reduce_to(done_)
            eq("reduced", done_.get(), charm.numPes())
            group.reduce_to(done_)
            group.send(Future(charm.numPes()), 0, awaitable=True).get()
            charm.sleep(0.05)
            eq("all as it was", (f.get(), done_.get()), ([0, 1, 2], charm.numPes()))
            done()

        charm.start(main)
        """,
        n,
    )
    late = [line for line in result.stderr.splitlines() if "OBJ-FUTURE-LATE" in line]
    want = {"PE 0 sent a value to a future of PE 0"} | ({f"PE {n - 1} sent a value to a future of PE 0"} if n and n > 1 else set())
    assert len(late) == len(want) and all(any(text in line for line in late) for text in want), result.stderr


@pytest.mark.parametrize("n", ALL)
def test_cancel_from_anywhere(n: int | None) -> None:
    """cancel() completes a future everywhere with FutureCancelled, for all who wait; later values are dropped."""
    holds(
        """
        from chariot.threads import FutureCancelled

        class E(Chare):
            @coro
            def hold(self, f):
                try: return f.get()
                except FutureCancelled: return "cancelled"
            async def hold_async(self, f):
                try: return await f
                except FutureCancelled: return "cancelled"
            @coro
            def several(self, fs):
                charm.wait(fs)
                return [f.ready() for f in charm.iwait(fs)]
            def cancel(self, f): f.cancel()
            def send(self, f): f.send(1)
            def ready(self, f): return f.ready()

        def main(args):
            group = Group(E)
            pes = range(charm.numPes())
            for canceller in {0, pes[-1]}:
                for count in (1, 2):
                    f = Future(count)
                    waiters = [call(f, ret=True) for pe in pes for call in (group[pe].hold, group[pe].hold_async)]
                    waiters += [group[pes[-1]].several([f, f], ret=True)]
                    group.ready(f, ret=True).get()
                    if count == 2: group[pes[-1]].send(f)
                    group[canceller].cancel(f)
                    eq("woken", [w.get() for w in waiters], ["cancelled"] * 2 * len(pes) + [[True]])
                    raises("here", FutureCancelled, f.get)
                    check("ready", f.ready())
                    for pe in {0, pes[-1]}: group[pe].send(f, awaitable=True).get()
                    group.cancel(f, awaitable=True).get()
                    raises("still", FutureCancelled, f.get)
                    eq("asked later", group[pes[-1]].hold_async(f, ret=True).get(), "cancelled")
                f = Future()
                f.send("value")
                group[canceller].cancel(f, awaitable=True).get()
                eq("complete ones stay", (f.get(), group[pes[-1]].hold(f, ret=True).get()), ("value", "value"))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_identity(n: int | None) -> None:
    """Futures in dicts and sets: equality and hash are those of the future, on every PE, by whatever way it came."""
    holds(
        """
        class E(Chare):
            def hash(self, f): return hash(f), hash(pickle.loads(pickle.dumps(f))), f == pickle.loads(pickle.dumps(f))
            def find(self, table, f): return table[f], f in set(table), f in list(table), len({*table, f})
            def keep(self, f): self.f = f
            def kept(self, f, g): return self.f == f, self.f != g, self.f == g, hash(self.f) == hash(f), {self.f: 1}.get(f)
            def back(self, *fs): return fs

        def main(args):
            group = Group(E)
            for pe in {0, charm.numPes() - 1}:
                e = group[pe]
                f, g = Future(), Future(2)
                eq("hash", e.hash(f, ret=True).get(), (hash(f), hash(f), True))
                eq("keys", e.find({f: "f", g: "g"}, f, ret=True).get(), ("f", True, True, 2))
                e.keep(f)
                eq("kept", e.kept(f, g, ret=True).get(), (True, True, False, True, 1))
                many = [Future() for _ in range(500)]
                check("hashes differ", len({hash(x) for x in many}) == 500)
                back = e.back(*many, ret=True).get()
                eq("come back", [many.index(x) for x in back[::50]], list(range(0, 500, 50)))
                eq("as keys", {x: k for k, x in enumerate(many)}[back[77]], 77)
                copy = pickle.loads(pickle.dumps({"f": [f, f]}))["f"]
                check("pickled", copy[0] == copy[1] == f and copy[0] != g)
                copy[0].send("through a copy")
                eq("the same future", (f.get(), copy[1].get()), ("through a copy",) * 2)
                check("not equal to others", f != 1 and not f == None and f != group)
            for count, given in ((1, True), (2, np.int64(2)), (3, 3)):
                f = Future(given)
                for k in range(count - 1): f.send(k)
                check("not yet", not f.ready())
                f.send(None)
                check("now", f.ready())
            for wrong in (0, -3, 1.5, "2", None, 2**70):
                refused("num_vals", lambda: Future(wrong))
            done()

        charm.start(main)
        """,
        n,
    )
