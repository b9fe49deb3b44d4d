"""Channels: api.md §11, what §3.4 and §14 say of them, and the errors of §0. One job tests several clauses."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_between_any_two_chares(n: int | None) -> None:
    """§11: remote = proxy of a group or array element, singleton, main chare; order; tuples; coroutines of both kinds;
    channels made by plain methods and in constructors, used later, before and after the other end was made."""
    holds(
        """
        class Peer(Chare):
            def __init__(self, greet=None):
                self.channels = {}
                if greet is not None:
                    self.channels["first"] = Channel(self, greet)
                    self.channels["first"].send("from the constructor", charm.myPe())
            def make(self, name, remote):                      # no coroutine
                self.channels[name] = Channel(self, remote=remote)
            def say(self, name, *values):
                for value in values:
                    self.channels[name].send(value)
            @coro
            def hear(self, name, count):
                return [self.channels[name].recv() for i in range(count)]
            async def hear_async(self, name, count):
                return [await self.channels[name].recv() for i in range(count)]
            def here(self, name):
                return self.channels[name].ready(), self.channels[name].recv()
            @coro
            def echo(self, remote, count):
                ch = Channel(self, remote)
                for i in range(count):
                    ch.send(ch.recv())
                return ch.remote == remote
            async def echo_async(self, remote, count):
                ch = Channel(self, remote)
                for i in range(count):
                    await ch.send(await ch.recv())
                return ch.remote == remote

        class Main(Chare):
            @coro
            def __init__(self, args):
                last = charm.numPes() - 1
                group, array = Group(Peer), Array(Peer, (2, 3))
                one = Chare(Peer, onPE=last)
                peers = [group[0], group[last], array[0, 0], array[1, 2], one]
                for peer in peers:
                    for method in (peer.echo, peer.echo_async):
                        over = method(self.thisProxy, 100, ret=True)
                        ch = Channel(self, peer)
                        check("remote", ch.remote == peer)
                        for i in range(50):
                            ch.send(i)
                            eq("one by one", ch.recv(), i)
                        for i in range(50):
                            ch.send(i)
                        eq("many, in order", [ch.recv() for i in range(50)], list(range(50)))
                        check("not ready", ch.ready() is False)
                        check("remote there", over.get())

                for at, to in [(group[0], array[1, 2]), (array[0, 0], one), (one, group[last]), (array[0, 1], array[1, 1])]:
                    at.make("x", to)
                    at.say("x", *range(200), "end")            # before the other end is made
                    to.make("x", at)
                    hear = to.hear if at != one else to.hear_async
                    eq("before", hear("x", 201, ret=True).get(), [*range(200), "end"])
                    to.say("x", 1, 2)
                    eq("back", at.hear_async("x", 2, ret=True).get(), [1, 2])
                    eq("in a plain method", at.here("x", ret=True).get() if to.say("x", 3, awaitable=True).get() is None
                       and at.hear("x", 0, ret=True).get() == [] and charm.sleep(0.05) is None else None, (True, 3))

                made = Group(Peer, args=[self.thisProxy])
                got = []
                for pe in range(charm.numPes()):
                    ch = Channel(self, made[pe])
                    got.append(ch.recv())
                eq("constructors", got, [("from the constructor", pe) for pe in range(charm.numPes())])
                done()

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", PES)
def test_what_is_sent(n: int) -> None:
    """§11: objects of every kind; several at once as a tuple; arrays of every layout keep shape, dtype and values; §5
    argument passing: by reference on one PE, else a fresh, writable copy."""
    holds(
        """
        ARRAYS = [np.arange(24).reshape(2, 3, 4), np.arange(24.0).reshape(4, 6)[:, ::2], np.arange(24).reshape(4, 6).T,
                  np.asfortranarray(np.arange(12, dtype="f4").reshape(3, 4)), np.array(7), np.empty((0, 3)),
                  np.arange(10)[::-1], np.array([1 + 2j, 3]), np.array([True, False]), np.arange(5, dtype="f2"),
                  np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]), np.arange(300000, dtype="u2"),
                  np.arange(9).reshape(3, 3)[:, 1]]
        VALUES = [None, 0, -1, 2**70, True, 1.5, "text", b"bytes", bytearray(b"x"), [], (), (1,), (1, 2), {"a": [1, {2}]},
                  float("inf"), 1j, range(3), "x" * 100000, b"y" * 1000000, [np.arange(3), "z"]]

        class Echo(Chare):
            @coro
            def run(self, remote):
                ch = Channel(self, remote)
                while not (isinstance(got := ch.recv(), str) and got == "stop"):
                    if isinstance(got, tuple):
                        ch.send(*got)
                    else:
                        ch.send(got)
            @coro
            def write(self, remote):
                ch = Channel(self, remote)
                got = ch.recv()
                got[0] = 99
                ch.send(got)

        class Asker(Chare):
            @coro
            def run(self, remote):
                ch = Channel(self, remote)
                bad = []
                for value in VALUES + ARRAYS:
                    ch.send(value) if not isinstance(value, tuple) else ch.send(value, "more")
                    got = ch.recv()
                    if isinstance(value, tuple):
                        got = got[0] if len(got) == 2 and got[1] == "more" else "?"
                    bad += [] if same_text(got, value) else [(repr(value)[:60], repr(got)[:60])]
                ch.send(1, "two", ARRAYS[1], ARRAYS[2])
                a, b, c, d = ch.recv()
                check("several", (a, b) == (1, "two") and same_text(c, ARRAYS[1]) and same_text(d, ARRAYS[2]))
                ch.send()
                eq("nothing", ch.recv(), None)
                ch.send(self.thisProxy, self.thisProxy.run)
                eq("proxies", ch.recv(), (self.thisProxy, self.thisProxy.run))
                f = Future()
                ch.send(f)
                ch.recv().send(3)
                eq("futures", f.get(), 3)
                raises("not to be pickled", Exception, lambda: ch.send(sys._getframe(), (i for i in ())),
                       ) if remote_pe(remote) != charm.myPe() else None
                ch.send("after")
                eq("after", ch.recv(), "after")
                ch.send("stop")
                return bad
            @coro
            def write(self, remote, here):
                ch = Channel(self, remote)
                data = np.arange(50000)
                ch.send(data)
                got = ch.recv()
                return (got[0], data[0], (got is data)) == ((99, 99, True) if here else (99, 0, False))

        def remote_pe(remote):
            return remote.elemIdx

        def same_text(a, b):
            return same(a, b) or (isinstance(a, (set, range)) and a == b) or (type(a) is dict and str(a) == str(b))

        def main(args):
            echo, ask = Group(Echo), Group(Asker)
            for pe in range(min(2, charm.numPes())):
                echo[pe].run(ask[0])
                eq("the same comes back", ask[0].run(echo[pe], ret=True).get(), [])
                over = echo[pe].write(ask[0], awaitable=True)
                check("by reference here, a copy elsewhere", ask[0].write(echo[pe], pe == 0, ret=True).get())
                over.get()
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_several_between_two_and_with_oneself(n: int | None) -> None:
    """§11: the n-th on one side pairs with the n-th on the other, any number between the same two; self-channels; both
    sides send, then receive; a ring of all PEs; several coroutines that receive are served in their order."""
    holds(
        """
        class A(Chare):
            def make(self, remote, count):
                self.chs = [Channel(self, remote) for i in range(count)]
            @coro
            def use(self, count, backwards):
                order = list(range(count))
                for i in (reversed(order) if backwards else order):
                    self.chs[i].send(i, "to you", charm.myPe())
                return [self.chs[i].recv()[0] for i in order] == order
            @coro
            def oneself(self, me):
                ch, second = Channel(self, me), Channel(self, remote=me, local=me)
                out = [ch.ready()]
                for i in range(100):
                    ch.send(i)
                    second.send(-i)
                for i in range(100):
                    if (second.recv(), ch.recv()) != (-i, i):
                        return "wrong"
                me.later("x")
                out.append(Channel(self, me).ready())
                self.third = Channel(self, me)
                out.append(self.third.recv())
                return out
            def later(self, value):
                self.third.send(value)
            @coro
            def flood(self, remote, count):
                ch = Channel(self, remote)
                for i in range(count):
                    ch.send(i)
                return all(ch.recv() == i for i in range(count))
            @coro
            def ring(self, rounds):
                left, right = [self.thisProxy[(self.thisIndex + d) % charm.numPes()] for d in (-1, 1)]
                if self.thisIndex % 2:                 # with two PEs both are the same: the first is to be the first
                    right, left = Channel(self, right), Channel(self, left)
                else:
                    left, right = Channel(self, left), Channel(self, right)
                token = 0
                for i in range(rounds):
                    if self.thisIndex == 0:
                        right.send(token)
                        token = left.recv()
                    else:
                        token = left.recv() + 1
                        right.send(token)
                return token
            def open(self, remote):
                self.ch = Channel(self, remote)
                self.order = []
            @coro
            def turn(self, i):
                self.order.append((i, self.ch.recv()))
            async def turn_async(self, i):
                self.order.append((i, await self.ch.recv()))
            def give(self, remote, count):
                self.ch = Channel(self, remote)
                for i in range(count):
                    self.ch.send(i)
            def ordered(self):
                return self.order

        def main(args):
            last = charm.numPes() - 1
            a, b = Chare(A, onPE=0), Chare(A, onPE=last)
            a.make(b, 20)
            f = a.use(20, False, ret=True)
            b.make(a, 20)
            check("pairs", b.use(20, True, ret=True).get() and f.get())
            eq("oneself", [x.oneself(x, ret=True).get() for x in (a, b)], [[False, False, "x"]] * 2)
            f, g = a.flood(b, 20000, ret=True), b.flood(a, 20000, ret=True)
            check("both flood", f.get() and g.get())
            group = Group(A)
            if last > 0:
                eq("ring", group.ring(50, ret=True).get()[0], 50 * last)
                two = Group(A)
                eq("one way after the other", two.ring(3, ret=True).get()[0], 3 * last)
            a.open(b)
            done_all = [(a.turn if i % 3 else a.turn_async)(i, awaitable=True) for i in range(30)]
            b.give(a, 30)
            for f in done_all:
                f.get()
            eq("served in order", a.ordered(ret=True).get(), [(i, i) for i in range(30)])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2, 4))
def test_any_order_of_creation(n: int) -> None:
    """§11: made before the other chare exists, in arrays that fill up later, by constructors of both; 1-D and 3-D; all
    neighbours of a grid; main chare's constructor."""
    holds(
        """
        class Cell(Chare):
            def __init__(self, size):
                x, y = self.thisIndex
                at = [((x + dx) % size, (y + dy) % size) for dx, dy in ((1, 0), (-1, 0), (0, 1), (0, -1))]
                self.out = [Channel(self, self.thisProxy[i]) for i in at]
                for ch in self.out:
                    ch.send(self.thisIndex)
            @coro
            def collect(self):
                return sorted(ch.recv() for ch in self.out)

        class Late(Chare):
            def __init__(self, hub):
                self.ch = Channel(self, hub)
                self.ch.send("hello", self.thisIndex)
            @coro
            def answer(self):
                return self.ch.recv()

        class Hub(Chare):
            @coro
            def run(self, array, indices):
                chs = [Channel(self, array[i]) for i in indices]
                for i, ch in zip(indices, chs):
                    ch.send(i)
                self.thisProxy.insert(array, indices)
                return [ch.recv() for ch in chs] == [("hello", i) for i in indices]
            def insert(self, array, indices):
                for i in reversed(indices):
                    array.ckInsert(i, args=[self.thisProxy])
                array.ckDoneInserting()

        def main(args):
            size = 5
            grid = Array(Cell, (size, size), args=[size])
            got = grid.collect(ret=True).get()
            eq("four neighbours each", [sorted([((x + 1) % size, y), ((x - 1) % size, y), (x, (y + 1) % size),
                                               (x, (y - 1) % size)]) for x in range(size) for y in range(size)], got)
            late, hub = Array(Late, ndims=3), Chare(Hub, onPE=charm.numPes() - 1)
            indices = [(i, -i, 7 * i) for i in range(20)]
            check("before they exist", hub.run(late, indices, ret=True).get())
            eq("what waited for them", late.answer(ret=True).get(), sorted(indices))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_in_wait_and_iwait(n: int | None) -> None:
    """§3.4, §11: charm.wait() and iwait() take channels beside futures; a channel is yielded once a call even if more is
    queued; those that are ready come first, in the list's order; the body of the loop may suspend."""
    holds(
        """
        class Peer(Chare):
            def open(self, remote, *first):
                self.ch = Channel(self, remote)
                for value in first:
                    self.ch.send(value)
            def say(self, *values):
                for value in values:
                    self.ch.send(value)
            def close(self):
                del self.ch
            @coro
            def pause(self):
                charm.sleep(0.01)
                return 7

        class Asker(Chare):
            @coro
            def run(self, peers):
                chs = [Channel(self, p) for p in peers]
                for i, p in enumerate(peers):
                    p.open(self.thisProxy, *([i, -i] if i < 2 else []))
                f = Future()
                charm.wait(chs[:2])
                check("ready", chs[0].ready() and chs[1].ready() and not chs[2].ready())
                seen = []
                for got in charm.iwait([chs[3], f, chs[1], chs[0], chs[2]]):
                    seen.append(got)
                    if got is chs[1]:
                        f(5)
                    if got is f:
                        peers[0].pause(ret=True).get()           # the body suspends
                        peers[2].say("late", "later")
                        peers[3].say("last") if peers[2].pause(ret=True).get() else None
                    else:
                        seen.append(got.recv())
                eq("order", seen[:5], [chs[1], 1, chs[0], 0, f])
                eq("all, once each", sorted(map(str, seen[5:])), sorted(map(str, [chs[2], "late", chs[3], "last"])))
                eq("what is left", [chs[0].recv(), chs[1].recv(), chs[2].recv()], [0, -1, "later"])
                peers[3].close()
                charm.wait(chs[3:])
                raises("ready to say why", "Charm4PyError", chs[3].recv, "nothing more", "nobody holds")
            async def run_async(self, peers):
                chs = [Channel(self, p) for p in peers]
                for i, p in enumerate(peers):
                    p.open(self.thisProxy, i, i)
                await charm.wait(chs)
                total = 0
                async for ch in charm.iwait(chs):
                    total += await ch.recv() + 1
                return total, [await ch.recv() for ch in chs]

        def main(args):
            pes = charm.numPes()
            peers = [Chare(Peer, onPE=i % pes) for i in range(4)]
            asker = Chare(Asker, onPE=0)
            f = asker.run(peers, awaitable=True)
            f.get()
            eq("async", asker.run_async(peers, ret=True).get(), (10, [0, 1, 2, 3]))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_back_pressure(n: int | None) -> None:
    """§0, §11: what is unread is bounded: a coroutine that is ahead waits in send(), an async def where it awaits it,
    and what cannot wait is refused with an error; order and count hold all the while; memory does not grow."""
    holds(
        """
        def rss():
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        class Source(Chare):
            @coro
            def flood(self, remote, count, size):
                self.sent = 0
                ch = Channel(self, remote)
                data = np.zeros(size, "u1")
                for i in range(count):
                    ch.send(i, data)
                    self.sent += 1
                return self.sent
            async def flood_async(self, remote, count, size):
                self.sent = 0
                ch = Channel(self, remote)
                data = bytes(size)
                for i in range(count):
                    await ch.send(i, data)
                    self.sent += 1
                return self.sent
            def count(self):
                return self.sent
            def too_much(self, remote):
                ch = Channel(self, remote)
                data = bytes(4 << 20)
                for i in range(1000):
                    try:
                        ch.send(data, i)
                    except Exception as error:
                        return i, type(error).__name__, str(error)

        class Sink(Chare):
            def open(self, remote):
                self.ch = Channel(self, remote)
            @coro
            def drain(self, count):
                good = True
                for i in range(count):
                    good = self.ch.recv()[0] == i and good
                return good
            def peak(self):
                return rss()

        def main(args):
            source, sink = Chare(Source, onPE=0), Chare(Sink, onPE=charm.numPes() - 1)
            for method in (source.flood, source.flood_async):
                sink.open(source)
                f = method(sink, 600, 1 << 20, ret=True)
                sent = -1
                while sent < 64 or source.count(ret=True).get() != sent:  # until it waits
                    sent = source.count(ret=True).get()
                    charm.sleep(0.3)
                check(f"it waits: {sent}", 64 <= sent <= 200)
                check("not ready", not f.ready())
                check("all come in order", sink.drain(600, ret=True).get())
                eq("all were sent", f.get(), 600)
                check("bounded", sink.peak(ret=True).get() < 700 << 20)
            sink.open(source)
            i, name, text = source.too_much(sink, ret=True).get()
            check(f"at the limit: {i}", 60 <= i <= 70)
            eq("error", name, "Charm4PyError")
            check(text, "unread" in text and "coroutine" in text and "Channel 2 to" in text)
            done()

        charm.start(main)
        """,
        n,
        timeout=60,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_endings_and_misuse(n: int) -> None:
    """§0: clear errors: wrong arguments, chares that were destroyed, ends that nobody holds, waiting where one cannot."""
    holds(
        """
        import copy
        import threading

        class Other(Chare):
            def open(self, remote):
                self.ch = Channel(self, remote)
                self.ch.send("x")
            def hold(self, ch):
                pass
            def drop(self):
                self.ch.send("last")
                del self.ch
            @coro
            def idle(self, remote):
                Channel(self, remote).recv()

        class Me(Chare):
            @coro
            def run(self, group, one, mine):
                other = group[charm.numPes() - 1]
                e = Exception
                raises("no chare", TypeError, lambda: Channel(mine, one), "self", "proxy")
                raises("no chare", TypeError, lambda: Channel(5, one), "self")
                raises("not one made by the runtime", "Charm4PyError", lambda: Channel(Me(), one), "no chare")
                raises("no proxy", TypeError, lambda: Channel(self, self), "remote", "proxy", "Me")
                raises("no proxy", TypeError, lambda: Channel(self, None), "remote")
                raises("collection", ValueError, lambda: Channel(self, group), "index", "[i]")
                raises("collection", ValueError, lambda: Channel(self, self.thisProxy), "index")
                raises("runtime", ValueError, lambda: Channel(self, charm.thisProxy[0]), "runtime")
                raises("local", ValueError, lambda: Channel(self, one, local=other), "local")
                raises("local", TypeError, lambda: Channel(self, one, local=3), "local")
                raises("nothing", TypeError, lambda: Channel())
                raises("too many", TypeError, lambda: Channel(self, one, None, 4))
                ch = Channel(self, other)
                raises("keywords", TypeError, lambda: ch.send(value=3))
                raises("arguments", TypeError, lambda: ch.recv(1))
                raises("not sent", TypeError, lambda: other.hold(ch) if charm.numPes() > 1 else pickle.dumps(ch), "Channel")
                raises("not copied", TypeError, lambda: copy.copy(ch), "Channel")
                raises("read-only", AttributeError, lambda: setattr(ch, "remote", 3))
                check("repr", repr(ch).startswith("<Channel 0 to <proxy of group Other") and "element" in repr(ch))
                try:
                    ch.send(sys._getframe())
                    check("refused or by reference", charm.numPes() == 1)
                except Exception as error:
                    check(f"refused {error!r}", isinstance(error, TypeError))
                other.open(self.thisProxy[0])
                eq("the refused one is not missed", ch.recv(), "x")
                other.drop(awaitable=True).get()
                eq("sent before it was dropped", ch.recv(), "last")
                raises("nothing will come", "Charm4PyError", ch.recv, "nothing more", "nobody holds", "Channel 0")
                check("ready to say so", ch.ready())
                ch.send("to nobody")
                a, b, c = Channel(self, other), Channel(self, other), Channel(self, other)
                other.open(self.thisProxy[0])
                f = self.thisProxy[0].waits(other, ret=True)
                eq("works", a.recv(), "x")
                f2 = self.thisProxy[0].waits_async(other, ret=True)
                other.idle(self.thisProxy[0])
                charm.sleep(0.02)
                group.destroy(awaitable=True).get()
                check("woken", "destroyed" in f.get() and "destroyed" in f2.get())
                raises("recv", "Charm4PyError", a.recv, "destroyed")
                raises("recv", "Charm4PyError", b.recv, "destroyed")
                raises("send", "Charm4PyError", lambda: a.send(1), "destroyed")
                late = Channel(self, other)
                raises("after it went", "Charm4PyError", late.recv, "destroyed")
            @coro
            def waits(self, other):
                try:
                    return Channel(self, other).recv()
                except Exception as error:
                    return str(error)
            async def waits_async(self, other):
                ch = Channel(self, other)
                try:
                    return await ch.recv()
                except Exception as error:
                    return str(error)
            @coro
            def thread(self, one):
                box, said = [Channel(self, one)], []
                def work():
                    for use in (box[0].ready, box[0].recv, lambda: box[0].send(1), lambda: Channel(self, one)):
                        try:
                            said.append(use())
                        except Exception as error:
                            said.append(type(error).__name__)
                    box.clear()                                # the last reference
                worker = threading.Thread(target=work)
                worker.start()
                worker.join()
                return said, Channel(self, one).ready()
            def plain(self, one):
                ch = Channel(self, one)
                try:
                    ch.recv()
                except Exception as error:
                    return type(error).__name__, str(error)

        def main(args):
            raises("before", TypeError, lambda: Channel(main, None))
            one, group, mine = Chare(Me), Group(Other), Group(Me)
            mine[0].run(group, one, mine[0], awaitable=True).get()
            eq("threads", mine[0].thread(one, ret=True).get(), (["Charm4PyError"] * 4, False))
            name, text = mine[0].plain(one, ret=True).get()
            check(text, name == "NotThreadedError" and "Me.plain" in text and "@coro" in text)
            done()

        charm.start(main)
        """,
        n,
    )
    fails(
        """
        Channel(1, 2)
        """,
        None,
        "charm.start()",
        "Charm4PyError",
    )


def test_the_hang_report_names_the_channel() -> None:
    """§0: a job that is quiescent while coroutines wait says on which channel, and where, and whether to receive or to
    send."""
    fails(
        """
        class A(Chare):
            @coro
            def hears_nothing(self, other):
                Channel(self, other).recv()
            async def hears_nothing_too(self, other):
                await Channel(self, other).recv()
            def holds(self, other):
                self.ch = Channel(self, other)
            @coro
            def is_not_heard(self, other):
                ch = Channel(self, other)
                while True:
                    ch.send(bytes(1 << 20))

        def main(args):
            group = Group(A)
            group[0].hears_nothing(group[1])
            group[1].hears_nothing_too(group[0])
            group[0].is_not_heard(group[1])
            group[1].holds(group[0])

        charm.start(main)
        """,
        2,
        "A.hears_nothing of [0]: waits for recv() on <Channel 0 to <proxy of group A",
        "A.hears_nothing_too",
        "waits for send() on <Channel 1 to <proxy of group A",
        status=75,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_nothing_is_left(n: int) -> None:
    """§0: many messages, and channels made and let go of, leave the process as large as it was."""
    holds(
        """
        import gc

        def rss():
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096

        class A(Chare):
            async def ping(self, remote, count):
                ch = Channel(self, remote)
                for i in range(count):
                    ch.send(i)
                    if i % 50 == 49:
                        for k in range(50):
                            await ch.recv()
                return rss()
            async def pong(self, remote, count):
                ch = Channel(self, remote)
                for i in range(count):
                    ch.send(await ch.recv())
                return rss()
            @coro
            def many(self, remote, count, first):
                for i in range(count):
                    ch = Channel(self, remote)
                    if first:
                        ch.send(i)
                    if ch.recv() != i:
                        return "wrong"
                    if not first:
                        ch.send(i)
                return rss()

        def main(args):
            a, b = Chare(A, onPE=0), Chare(A, onPE=charm.numPes() - 1)
            def both(method, *args):
                f, g = getattr(a, method[0])(b, *args, ret=True), getattr(b, method[1])(a, *args, ret=True)
                return f.get(), g.get()
            before = both(("ping", "pong"), 20000)
            after = both(("ping", "pong"), 400000 // charm.numPes() ** 2)
            check(f"messages: {before} {after}", all(y < x + (1 << 20) for x, y in zip(before, after)))
            def make(count):
                f, g = a.many(b, count, True, ret=True), b.many(a, count, False, ret=True)
                return f.get(), g.get()
            before, after = make(2000), make(30000 // charm.numPes() ** 2)
            check(f"channels: {before} {after}", all(y < x + (1 << 20) for x, y in zip(before, after)))
            done()

        charm.start(main)
        """,
        n,
        timeout=90,
    )
