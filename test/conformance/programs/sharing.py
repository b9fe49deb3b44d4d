"""Receivers of a broadcast share its objects; what was sent is not what the sender changes. Row: §5 argument passing."""

from charm4py import charm, Chare, Array
import numpy as np


class A(Chare):

    def ids(self, x):
        return (id(x), charm.myPe())

    def keep(self, x):
        self.x = x

    def get(self):
        return self.x

    def give(self):
        self.buf = np.zeros(5)
        return self.buf

    def bump(self):
        self.buf += 1


def main(args):
    n = charm.numPes()
    a = Array(A, 3 * n)
    x = {"k": [1]}
    r = a.ids(x, ret=True).get()
    for pe in range(n):
        assert len({i for i, p in r if p == pe}) == 1
    y = np.arange(4)
    a.keep(y)
    a.get(ret=True).get()
    y[0] = 100
    r = a.get(ret=True).get()
    assert r[-1][0] == 0, r
    b = a[3 * n - 1].give(ret=True).get()
    a[3 * n - 1].bump(awaitable=True).get()
    assert b[0] == (1 if n == 1 else 0)
    print("OK")
    exit()


charm.start(main)
