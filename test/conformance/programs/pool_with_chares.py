"""Jobs from constructors and coroutines, tasks that call chares, failures beside successes. Row: §12."""

from charm4py import charm, Chare, Group, coro, Future


def sq(x):
    return x * x


def bad(x):
    raise KeyError(x)


@coro
def usechare(p):
    return p.val(ret=True).get()


@coro
def nested(k):
    return sum(charm.pool.map(sq, range(k), chunksize=2))


def big(x):
    return x


def cb(f, v):
    f(v)


class A(Chare):

    def val(self):
        return charm.myPe()

    @coro
    def __init__(self, k=3):
        self.v = charm.pool.map(sq, range(k))

    def getv(self):
        return self.v

    @coro
    def loop(self):
        out = 0
        for i in range(10):
            out += sum(charm.pool.map(sq, range(i)))
        return out


def main(args):
    n = charm.numPes()
    g = Group(A)
    charm.awaitCreation(g)
    assert g.getv(ret=1).get() == [[0, 1, 4]] * n
    ok = [charm.pool.map_async(sq, range(k)) for k in range(20)]
    ko = [charm.pool.map_async(bad, [k]) for k in range(5)]
    ne = charm.pool.map_async(nested, range(10))
    for k, f in enumerate(ok):
        assert f.get() == [x * x for x in range(k)]
    for f in ko:
        try:
            f.get()
            assert 0
        except KeyError:
            pass
    assert ne.get() == [sum((x * x for x in range(k))) for k in range(10)]
    assert charm.pool.map(usechare, [g[p] for p in range(n)]) == list(range(n))
    f = Future()
    charm.pool.Task(cb, [f, 9])
    assert f.get() == 9
    assert g.loop(ret=1).get() == [sum((x * x for i in range(10) for x in range(i)))] * n
    assert charm.pool.map(big, ["x" * 1000000] * 6) == ["x" * 1000000] * 6
    r = []
    for f in charm.iwait(charm.pool.map_async(sq, range(9), multi_future=True)):
        r.append(f.get())
    assert sorted(r) == [x * x for x in range(9)]
    assert charm.pool.map(lambda x: x + n, [1]) == [1 + n]
    for refused in (lambda: charm.pool.map(3, [1]), lambda: charm.pool.map(sq, 3), lambda: charm.pool.Task(sq, 3)):
        try:
            refused()
        except TypeError:
            continue
        assert False
    print("OK")
    exit()


charm.start(main)
