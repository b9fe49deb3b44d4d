"""Hundreds of array arguments, thousands of others. Row: §5."""

from charm4py import charm, Chare, Group
import numpy as np


class A(Chare):

    def f(self, *a):
        return sum((x.sum() for x in a))

    def g(self, *a):
        return len(a)

    def m(self, a, b, c, d=None, *e, **k):
        return [type(x).__name__ for x in (a, b, c, d)] + [len(e), sorted(k)]


def main(args):
    p = Group(A)[charm.numPes() - 1]
    assert p.f(*[np.ones(i) for i in range(200)], ret=1).get() == 199 * 100
    assert p.g(*range(5000), ret=1).get() == 5000
    assert p.m(b"", np.zeros(1), {}, "x", 1, 2, z=1, y=np.ones(2), ret=1).get() == [
        "bytes",
        "ndarray",
        "dict",
        "str",
        2,
        ["y", "z"],
    ]
    assert p.g(ret=False) is None and p.g(awaitable=False) is None and (p.g(ret=0) is None)
    assert p.g(1, ret=True, awaitable=True).get() == 1
    print("OK")
    exit()


charm.start(main)
