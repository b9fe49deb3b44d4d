"""§3.5 §10: reducers registered while the job runs (charm.thisProxy.addReducer), createArray, exec/eval refused, exit."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


def longest(parts):
    return max(parts, key=len)


def span(parts):
    return (min(p[0] for p in parts), max(p[1] for p in parts))


class C(Chare):
    def __init__(self, k=1):
        self.k = k

    def go(self, cb):
        i = self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
        self.contribute('x' * (i + self.k), Reducer.longest, cb)

    @coro
    def make(self):
        a = charm.thisProxy[0].createArray(C, 4, args=[5], ret=True).get()
        f = charm.Future()
        charm.thisProxy[0].createArray(C, dims=(6,), args=[2], cb=f)
        b = f.get()
        r1, r2 = charm.Future(), charm.Future()
        a.go(r1)
        b.go(r2)
        return r1.get(), r2.get()


def main(args):
    n = charm.numPes()
    charm.thisProxy.addReducer(longest, awaitable=True).get()
    g = Group(C)
    f = charm.Future()
    g.go(f)
    assert f.get() == 'x' * n
    assert g.make(ret=True).get() == [('x' * 8, 'x' * 7)] * n
    assert charm.thisProxy.myPe(ret=True).get() == list(range(n))
    try:
        charm.thisProxy[n - 1].eval('1 + 1', ret=True).get()
        raise RuntimeError
    except Exception as e:
        assert 'remote_exec' in str(e), e
    print('OK', flush=True)
    charm.thisProxy[n - 1].exit()


charm.start(main)
