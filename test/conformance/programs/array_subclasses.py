"""Subclasses of arrays, numbers and containers; numpy scalars. Row: §0 arrays."""

import numpy as np
from charm4py import charm, Chare, Group


class Sub(np.ndarray):

    def __array_finalize__(self, o):
        self.tag = getattr(o, "tag", None)

    def __reduce__(self):
        r = super().__reduce__()
        return (r[0], r[1], (r[2], self.tag))

    def __setstate__(self, s):
        super().__setstate__(s[0])
        self.tag = s[1]


class I(int):
    pass


class S(str):
    pass


class D(dict):
    pass


class E(Chare):

    def echo(self, x):
        return x


def main(args):
    g = Group(E)
    p = g[charm.numPes() - 1]
    x = np.arange(4).view(Sub)
    x.tag = "T"
    for v in (
        np.ma.array([1, 2], mask=[0, 1]),
        np.matrix([[1, 2]]),
        np.rec.array([(1, 2.0)], dtype=[("a", int), ("b", float)]),
        np.bool_(True),
        np.str_("s"),
        np.datetime64("2020-01-01"),
        np.void(b"abc"),
        np.complex64(1j),
        np.float16(1),
        np.dtype("f8"),
        np.random.default_rng(3).bit_generator.state,
        I(3),
        S("x"),
        D(a=1),
        np.longdouble(1.5),
        np.array(["a", None], dtype=object),
        np.array("2020", dtype="M8[Y]"),
        np.zeros((2, 0, 3)),
        np.array([], dtype="S3"),
    ):
        r = p.echo(v, ret=True).get()
        assert type(r) is type(v), (type(r), type(v))
        assert np.all(r == v) or str(r) == str(v), (r, v)
        if isinstance(v, np.ndarray):
            assert r.shape == v.shape and r.dtype == v.dtype
    r = p.echo(x, ret=1).get()
    assert type(r) is Sub and r.tag == "T"
    rng = p.echo(np.random.default_rng(3), ret=1).get()
    assert rng.random() == np.random.default_rng(3).random()
    deep = []
    for _ in range(300):
        deep = [deep]
    assert p.echo(deep, ret=1).get() == deep
    deep = []
    for _ in range(100000):
        deep = [deep]
    try:
        p.echo(deep, awaitable=True).get()
    except (RecursionError, TypeError, ValueError):
        pass
    print("OK")
    exit()


charm.start(main)
