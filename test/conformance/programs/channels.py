"""Several channels between a pair, to oneself, with single and main chares. Row: §11."""

from charm4py import charm, Chare, Array, Group, coro, Channel
import numpy as np


class A(Chare):

    def __init__(self, peer=None):
        pass

    def conn(self, peer):
        self.a = Channel(self, remote=peer)
        self.b = Channel(self, peer)

    @coro
    def run(self, k):
        for i in range(20):
            self.a.send("a", i)
            self.b.send(i)
        for i in range(20):
            assert self.b.recv() == i
        for i in range(20):
            assert self.a.recv() == ("a", i)
        assert not self.a.ready()
        return k

    @coro
    def selfc(self):
        me = self.thisProxy[self.thisIndex]
        c1 = Channel(self, remote=me)
        c2 = Channel(self, remote=me)
        c1.send(1, None)
        c2.send(7)
        c1.send(np.arange(3))
        c1.send()
        assert c1.recv() == (1, None)
        assert c1.recv().tolist() == [0, 1, 2]
        e = c1.recv()
        assert e in ((), None), e
        assert c2.recv() == 7
        return True


class Main(Chare):

    @coro
    def __init__(self, args):
        n = charm.numPes()
        g = Group(A)
        a = Array(A, 3)
        a[0].conn(g[n - 1])
        g[n - 1].conn(a[0])
        charm.wait([a[0].run(1, awaitable=True), g[n - 1].run(2, awaitable=True)])
        assert g.selfc(ret=1).get() == [True] * n
        assert a.selfc(ret=1).get() == [True] * 3
        s = Chare(B, args=[self.thisProxy], onPE=n - 1)
        c = Channel(self, remote=s)
        c.send("hi")
        assert c.recv() == "hi!"
        assert c.remote == s
        print("OK")
        exit()


class B(Chare):

    @coro
    def __init__(self, m):
        c = Channel(self, remote=m)
        c.send(c.recv() + "!")


charm.start(Main)
