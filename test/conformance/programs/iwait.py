"""Loops over iwait whose bodies suspend; channels and futures. Rows: §3.4, §0 iwait."""

from charm4py import charm, Chare, Array, coro, Channel


class W(Chare):

    @coro
    def __init__(self, peer=None):
        pass

    @coro
    def work(self, k):
        charm.sleep(0.002 * (k % 5))
        return k

    @coro
    def chan(self, peer, n):
        ch = Channel(self, remote=peer)
        for i in range(n):
            ch.send(i)
        assert ch.recv() == "bye"


class M(Chare):

    def __init__(self, args):
        n = charm.numPes()
        a = Array(W, 3 * n)
        fs = [a[i % (3 * n)].work(i, ret=True) for i in range(20)]
        got = []
        for f in charm.iwait(fs):
            v = f.get()
            inner = a[v % 3].work(v, ret=True).get()
            assert inner == v
            got.append(v)
        assert sorted(got) == list(range(20))
        chans = [Channel(self, remote=a[i]) for i in range(3)]
        d = [a[i].chan(self.thisProxy, 5, awaitable=True) for i in range(3)]
        for r in range(5):
            for ch in charm.iwait(chans):
                assert ch.recv() == r
        for ch in chans:
            ch.send("bye")
        charm.wait(d)
        print("OK")
        charm.exit()


charm.start(M)
