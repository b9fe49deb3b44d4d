"""Coroutines suspend in except and finally; the exception and the context that each has are its own. Row: §8."""

import sys, contextvars
from charm4py import charm, Chare, Group, coro

cv = contextvars.ContextVar("cv", default=0)


class A(Chare):

    @coro
    def a(self, k):
        cv.set(k)
        try:
            try:
                raise ValueError(k)
            except ValueError:
                charm.sleep(0.001 * (k % 3))
                assert sys.exc_info()[1].args == (k,), sys.exc_info()
                charm.sleep(0)
                try:
                    raise
                finally:
                    charm.sleep(0.001)
        except ValueError as e:
            assert e.args == (k,) and e.__context__ is None, (e, e.__context__)
            return cv.get()

    def plain(self):
        return sys.exc_info()[0] is None


def main(args):
    g = Group(A)
    n = charm.numPes()
    fs = [g.a(k, ret=1) for k in range(1, 20)]
    ps = [g.plain(ret=1) for k in range(5)]
    for k, f in enumerate(fs):
        assert f.get() == [k + 1] * n, f.get()
    for p in ps:
        assert p.get() == [True] * n
    print("OK")
    exit()


charm.start(main)
