"""Clustering with an allreduce of arrays per step. Row: §4.3."""

from charm4py import charm, Chare, Group, coro, Reducer
import numpy as np


class Part(Chare):

    def __init__(self, n, k):
        rng = np.random.default_rng(self.thisIndex)
        self.x = rng.random((n, 2))
        self.k = k

    @coro
    def run(self, c, iters):
        for _ in range(iters):
            lab = ((self.x[:, None] - c[None]) ** 2).sum(-1).argmin(1)
            sums = np.zeros((self.k, 3))
            for j in range(self.k):
                m = lab == j
                sums[j, :2] = self.x[m].sum(0)
                sums[j, 2] = m.sum()
            tot = self.allreduce(sums, Reducer.sum).get()
            assert tot.shape == (self.k, 3)
            c = tot[:, :2] / np.maximum(tot[:, 2:], 1)
        return c

    def count(self):
        return len(self.x)


def main(args):
    g = Group(Part, args=[200, 4])
    c0 = np.random.default_rng(99).random((4, 2))
    r = g.run(c0, 10, ret=True).get()
    for c in r:
        np.testing.assert_array_equal(c, r[0])
    assert sum(g.count(ret=1).get()) == 200 * charm.numPes()
    print("OK")
    exit()


charm.start(main)
