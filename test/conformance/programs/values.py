"""Arrays of every layout and dtype, and values of many types, come back as they were. Rows: §0 arrays, numbers; §5 fast path."""

from charm4py import charm, Chare, Group
import numpy as np, array


class E(Chare):

    def echo(self, *a):
        return a if len(a) > 1 else a[0]

    def mod(self, x):
        x[...] = 1
        return x.sum()

    def writable(self, x):
        return x.flags.writeable and x.flags.owndata or x.flags.writeable


def same(x, y):
    assert type(x) == type(y), (type(x), type(y))
    assert x.dtype == y.dtype, (x.dtype, y.dtype)
    assert x.shape == y.shape
    np.testing.assert_array_equal(x, y)


def main(args):
    g = Group(E)
    last = charm.numPes() - 1
    base = np.arange(120).reshape(4, 5, 6)
    xs = [
        base,
        base[:, ::2],
        base[..., 1],
        np.asfortranarray(base),
        base.T,
        base[::-1, ::-2],
        np.array(3.5),
        np.zeros((0, 3)),
        np.array([1 + 2j, 3]),
        np.array([True, False]),
        np.arange(5, dtype=np.float16),
        np.array(["ab", "c"]),
        np.array([b"x", b"yy"]),
        np.zeros(3, dtype=[("a", "i4"), ("b", "f8", (2,))]),
        np.array([1, "a", None], dtype=object),
        np.arange(3).astype(">i4"),
        np.array(["2020-01-01"], dtype="M8[D]"),
        np.broadcast_to(np.arange(3), (4, 3)),
        np.random.rand(300, 400)[:, 7:200:3],
    ]
    for pe in {0, last}:
        for x in xs:
            same(g[pe].echo(x, ret=True).get(), x)
        r = g[pe].echo(1, xs[1], "z", {"k": xs[2]}, ret=True).get()
        assert r[0] == 1 and r[2] == "z"
        same(r[1], xs[1])
        same(r[3]["k"], xs[2])
        for v in (
            b"abc",
            bytearray(b"q"),
            array.array("d", [1, 2]),
            np.float32(2.5),
            np.int64(7),
            2**200,
            -(2**63),
            1e300,
            float("inf"),
            None,
            {1, 2},
            frozenset([3]),
            "é☃",
            (1, (2, [3])),
            range(5),
            slice(1, 2),
            complex(1, 2),
            int,
            len,
            ...,
        ):
            w = g[pe].echo(v, ret=True).get()
            assert w == v and type(w) == type(v), (w, v)
    if last:
        a = np.zeros(10)
        assert g[last].mod(a, ret=True).get() == 10
        assert a.sum() == 0
        assert g[last].writable(a, ret=True).get()
    big = np.random.rand(1000, 1000)
    res = g.echo(big, ret=True).get()
    for r in res:
        same(r, big)
    print("OK")
    exit()


charm.start(main)
