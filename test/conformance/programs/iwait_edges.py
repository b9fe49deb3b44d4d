"""§3.4: iwait and wait over the same awaitable twice, from several coroutines, broken off, nested, with failed futures."""
from charm4py import Array, Channel, Chare, Future, Group, charm, coro


class P(Chare):
    @coro
    def late(self, secs, v):
        charm.sleep(secs)
        if v < 0:
            raise ValueError(v)
        return v

    @coro
    def both(self, fs):
        return sorted(f.get() for f in charm.iwait(fs))

    @coro
    def ping(self, main, k):
        ch = Channel(self, remote=main)
        for i in range(k):
            ch.send(i)


class Main(Chare):
    def __init__(self, args):
        n = charm.numPes()
        g = Group(P)
        fs = [g[i % n].late(0.003 * (4 - i), i, ret=True) for i in range(4)]
        twice = self.thisProxy.other(fs, ret=True)
        assert sorted(f.get() for f in charm.iwait(fs)) == [0, 1, 2, 3]
        assert twice.get() == [0, 1, 2, 3]
        assert g[n - 1].both(fs, ret=True).get() == [0, 1, 2, 3]
        fs = [g[i % n].late(0.002, v, ret=True) for i, v in enumerate((1, -1, 2, -2))]
        good, bad = [], []
        for f in charm.iwait(fs):
            try:
                good.append(f.get())
            except ValueError as e:
                bad.append(e.args[0])
        assert sorted(good) == [1, 2] and sorted(bad) == [-2, -1]
        charm.wait(fs)
        never, soon = Future(), g[0].late(0.001, 5, ret=True)
        for f in charm.iwait([never, soon]):
            assert f is soon and f.get() == 5
            break
        it = charm.iwait([never, soon])
        assert next(it) is soon
        it.close()
        chans = [Channel(self, remote=g[i]) for i in range(n)]
        g.ping(self.thisProxy, 3)
        got = []
        for outer in charm.iwait(chans):
            got.append(outer.recv())
            for f in charm.iwait([g[i].late(0.001, i, ret=True) for i in range(n)]):
                f.get()
        assert got == [0] * n
        for c in chans:
            assert c.recv() == 1
        charm.wait(chans + [soon])
        assert [c.recv() for c in charm.iwait(chans)] == [2] * n
        never(0)
        charm.wait((never, soon))
        assert {f.get() for f in charm.iwait({never, soon})} == {0, 5}
        print('OK')
        exit()

    @coro
    def other(self, fs):
        return sorted(f.get() for f in charm.iwait(fs))


charm.start(Main)
