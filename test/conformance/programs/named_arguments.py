"""Named, default, keyword-only and variable arguments; what does not fit is refused at the caller. Rows: §0, §5."""

from charm4py import charm, Chare, Array


class K(Chare):

    def f(self, a, b=2, c=3):
        return (a, b, c)

    def g(self, *args):
        return args

    def h(self, a, *args, k=1, **kw):
        return (a, args, k, kw)

    def i(self, a, *, key):
        return (a, key)


def main(args):
    a = Array(K, (3, 2))
    for p in [a[0, 0], a[2, 1], a[1, 1], a[[1, 0]]]:
        assert p.f(1, ret=1).get() == (1, 2, 3)
        assert p.f(1, c=5, ret=True).get() == (1, 2, 5)
        assert p.f(b=1, a=9, ret=True).get() == (9, 1, 3)
        assert p.f(a=9, c=0, b=1, awaitable=True).get() in ((9, 1, 0), None)
        assert p.g(1, 2, 3, ret=True).get() == (1, 2, 3)
        assert p.g(ret=True).get() == ()
        assert p.h(1, 2, 3, k=4, z=5, ret=True).get() == (1, (2, 3), 4, {"z": 5})
        assert p.i(1, key=2, ret=True).get() == (1, 2)
        for bad in (lambda: p.f(), lambda: p.f(1, 2, 3, 4), lambda: p.f(1, zz=3), lambda: p.i(1), lambda: p.f(1, a=2)):
            try:
                bad()
                assert False, "no error"
            except TypeError:
                pass
    assert a.f(b=7, a=0, ret=True).get() == [(0, 7, 3)] * 6
    print("OK")
    exit()


charm.start(main)
