"""Many coroutines of many PEs wait for one future. Row: §0 futures."""

from charm4py import charm, Chare, Array, coro, Future


class A(Chare):

    @coro
    def wait_(self, f):
        return f.get()

    @coro
    def wait2(self, fs):
        return [f.get() for f in fs]

    def make(self, f):
        self.f = f

    @coro
    def own(self):
        self.mine = Future()
        return self.mine

    def fulfil(self, v):
        self.mine(v)

    def fin(self):
        return self.mine.ready()


def main(args):
    n = charm.numPes()
    a = Array(A, 3 * n)
    f = Future()
    w = [a.wait_(f, ret=True) for _ in range(4)]
    charm.sleep(0.01)
    f.send("v")
    for x in w:
        assert x.get() == ["v"] * 3 * n
    assert a.wait_(f, ret=True).get() == ["v"] * 3 * n
    g = a[3 * n - 1].own(ret=True)
    mine = g.get()
    x = a[0].wait_(mine, ret=True)
    a[3 * n - 1].fulfil({"z": 1})
    assert x.get() == {"z": 1} and mine.get() == {"z": 1}
    fs = [Future(2) for _ in range(10)]
    y = a[n].wait2(fs, ret=True)
    for i, q in enumerate(fs):
        q(i)
        q(i)
    assert y.get() == [[i, i] for i in range(10)]
    e = Future()
    z = a[1].wait_(e, ret=True)
    e.send(ZeroDivisionError("sent"))
    try:
        z.get()
        assert 0
    except ZeroDivisionError:
        pass
    print("OK")
    exit()


charm.start(main)
