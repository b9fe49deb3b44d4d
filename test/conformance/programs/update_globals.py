"""Arrays, proxies and functions as globals of all PEs. Row: §3.5."""

from charm4py import charm, Chare, Group
import numpy as np


def f(x):
    return x + OFFSET


class E(Chare):

    def use(self):
        return (f(1), ARR.sum(), P == self.thisProxy, CB(2))

    def set(self, k):
        charm.thisProxy.updateGlobals({"OFFSET": k})


def double(x):
    return 2 * x


def main(args):
    n = charm.numPes()
    g = Group(E)
    charm.thisProxy.updateGlobals(
        {"OFFSET": 10, "ARR": np.ones((50, 50))[:, ::2], "P": g, "CB": double}, awaitable=True
    ).get()
    assert g.use(ret=True).get() == [(11, 1250, True, 4)] * n
    g[n - 1].set(20)
    charm.waitQD()
    assert g.use(ret=True).get() == [(21, 1250, True, 4)] * n
    try:
        charm.thisProxy.updateGlobals({"a": 1}, "no.such.module", awaitable=True).get()
        assert 0
    except Exception:
        pass
    for bad in (lambda: charm.updateGlobals({"a": 1}),):
        try:
            bad()
            assert 0
        except Exception as e:
            assert not isinstance(e, AssertionError)
    print("OK")
    exit()


charm.start(main)
