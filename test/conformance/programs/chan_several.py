"""§11: several channels between the same two: n-th creation pairs with n-th; different contents; asymmetry; ready()."""
from charm4py import Array, Channel, Chare, Group, charm, coro


class P(Chare):
    @coro
    def talk(self, other, k):
        chans = [Channel(self, remote=other) for _ in range(k)]
        for r in range(10):
            for j, c in enumerate(chans):
                c.send((self.thisIndex, j, r))
        for j, c in reversed(list(enumerate(chans))):
            for r in range(10):
                i, jj, rr = c.recv()
                assert (jj, rr) == (j, r), ((jj, rr), (j, r))
        for c in chans:
            assert c.remote == other
            assert not c.ready()
        return 'ok'

    @coro
    def selfish(self):
        c1 = Channel(self, remote=self.thisProxy[self.thisIndex])
        c2 = Channel(self, remote=self.thisProxy[self.thisIndex])
        c1.send('a', 1)
        c1.send('b')
        return c2.recv(), c2.recv()


def main(args):
    n = charm.numPes()
    a = Array(P, (2, 2))
    f1 = a[0, 0].talk(a[1, 1], 7, ret=True)
    f2 = a[1, 1].talk(a[0, 0], 7, ret=True)
    assert f1.get() == f2.get() == 'ok'
    g = Group(P)
    f1 = g[n - 1].talk(a[0, 1], 3, ret=True)
    f2 = a[0, 1].talk(g[n - 1], 3, ret=True)
    assert f1.get() == f2.get() == 'ok'
    one = Chare(P, onPE=n - 1)
    f1 = one.talk(g[0], 2, ret=True)
    f2 = g[0].talk(one, 2, ret=True)
    assert f1.get() == f2.get() == 'ok'
    print('OK')
    exit()


charm.start(main)
