"""Arrays of megabytes in broadcasts, results and reductions. Rows: §5, §10."""

from charm4py import charm, Chare, Group, Future, Reducer
import numpy as np


class B(Chare):

    def scale(self, x, k):
        return x * k * (self.thisIndex + 1)

    def red(self, n, cb):
        self.contribute(np.full(n, self.thisIndex + 1.0), Reducer.sum, cb)

    def up(self, x):
        self.x = x
        return x.nbytes


def main(args):
    n = charm.numPes()
    g = Group(B)
    x = np.arange(500000, dtype=np.float64)
    r = g.scale(x, 2, ret=True).get()
    for i in range(n):
        assert (r[i] == x * 2 * (i + 1)).all()
    f = Future()
    g.red(1000000, f)
    r = f.get()
    assert r.shape == (1000000,) and (r == n * (n + 1) / 2).all()
    y = np.zeros((2000, 3000), dtype=np.uint8).T
    assert g.up(y, ret=True).get() == [6000000] * n
    bytes(range(256)) * 40000
    print("OK")
    exit()


charm.start(main)
