"""§0 §10 §11: tens of megabytes through calls, channels, broadcasts, reductions and the pool; nothing is mixed up."""
import numpy as np
from charm4py import Array, Channel, Chare, Future, Group, Reducer, charm, coro

N = 1_500_000


class B(Chare):
    def check(self, a, k):
        assert a.shape == (N,) and a[0] == k and a[-1] == k
        return a + 1

    def red(self, f):
        self.contribute(np.full(N, self.thisIndex, dtype=np.float64), Reducer.max, f)

    @coro
    def over(self, other, first):
        ch = Channel(self, remote=other)
        for r in range(4):
            if first:
                ch.send(np.full(N, r), r)
            else:
                a, k = ch.recv()
                assert k == r and a.sum() == N * r
        return True


def scale(a):
    return a * 2


def main(args):
    n = charm.numPes()
    g = Group(B)
    for k, r in enumerate(g[n - 1].check(np.full(N, k), k, ret=True) for k in range(4)):
        assert (r.get() == k + 1).all()
    g.check(np.zeros(N), 0, awaitable=True).get()
    f = Future()
    g.red(f)
    assert (f.get() == n - 1).all()
    f1, f2 = g[0].over(g[n - 1], True, ret=True) if n > 1 else None, g[n - 1].over(g[0], False, ret=True) if n > 1 else None
    assert n == 1 or (f1.get() and f2.get())
    assert [x.sum() for x in charm.pool.map(scale, [np.ones(N), np.zeros(N)])] == [2 * N, 0]
    print('OK')
    exit()


charm.start(main)
