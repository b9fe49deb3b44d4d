"""§7: counted futures, futures nested in data, sent away, sent on, kept in chares, None values, repeatable get."""
from charm4py import Array, Chare, Future, Group, charm, coro


class W(Chare):
    def direct(self, f, v):
        f(v)

    def nested(self, box, v):
        box['deep'][0][1].send(v)
        box['other'].send()

    def keep(self, f):
        self.f = f

    def fire(self, v=None):
        self.f.send(v)

    def passon(self, f, hops):
        if hops == 0:
            f(charm.myPe())
        else:
            self.thisProxy[(self.thisIndex + 1) % charm.numPes()].passon(f, hops - 1)

    @coro
    def waiter(self, f):
        return f.get()

    @coro
    def chain(self, n):
        if n == 0:
            return 0
        return 1 + self.thisProxy[(self.thisIndex + 1) % charm.numPes()].chain(n - 1, ret=True).get()


def main(args):
    n = charm.numPes()
    g = Group(W)
    f = charm.Future(num_vals=3 * n)
    for i in range(3):
        g.direct(f, i)
    vals = f.get()
    assert type(vals) is list and sorted(vals) == sorted([0, 1, 2] * n)
    assert f.get() == vals
    assert f.ready()
    a, b = Future(), Future()
    g[n - 1].nested({'deep': [(1, a)], 'other': b}, [1, 2, {'x': 3}])
    assert a.get() == [1, 2, {'x': 3}]
    assert b.get() is None
    c = Future()
    assert not c.ready()
    g[n // 2].keep(c, awaitable=True).get()
    assert not c.ready()
    g[n // 2].fire('v')
    assert c.get() == 'v' and c.ready() and c.get() == 'v'
    d = Future()
    g[0].passon(d, 2 * n + 1)
    assert d.get() == (2 * n + 1) % n
    e = Future()
    ws = g.waiter(e, ret=True)
    g[n - 1].direct(e, 'all')
    assert ws.get() == ['all'] * n
    assert e.get() == 'all'
    assert g[0].chain(25, ret=True).get() == 25
    one = Future(1)
    one(5)
    assert one.get() == 5
    two = Future(2)
    two(None)
    two.send()
    assert two.get() == [None, None]
    print('OK')
    exit()


charm.start(main)
