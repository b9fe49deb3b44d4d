"""§5.2 §5.4: proxies and bound methods as keys, in sets, in objects, through channels, reductions, the pool and back."""
from charm4py import Array, Channel, Chare, Future, Group, Reducer, charm, coro


class A(Chare):
    def __init__(self):
        self.got = []

    def me(self):
        return self.thisProxy if isinstance(self.thisIndex, int) else self.thisProxy[self.thisIndex]

    def elem(self):
        return self.thisProxy[self.thisIndex]

    def lookup(self, table, key):
        return table[key]

    def cb(self, x=None):
        self.got.append(x)

    def take(self):
        got, self.got = self.got, []
        return got

    def call(self, cbs, x):
        for name in sorted(cbs):
            cbs[name](x)

    def gather(self, f):
        self.contribute(self.elem().cb, Reducer.gather, f)

    @coro
    def over(self, peer, first):
        ch = Channel(self, remote=peer)
        if first:
            ch.send(self.thisProxy, self.elem().cb)
            return ch.recv()
        p, cb = ch.recv()
        cb('over')
        ch.send(p)


def ask(p):
    p.cb('task')
    return p


def main(args):
    n = charm.numPes()
    g, a, c = Group(A), Array(A, (2, 2)), Chare(A)
    table = {g: 'g', a: 'a', c: 'c', g[0]: 'g0', g[n - 1]: 'gl', a[1, 1]: 'a11', a[0, 0]: 'a00'}
    assert len(table) == 6 + (n > 1)
    for k, v in table.items():
        assert g[n - 1].lookup(table, k, ret=True).get() == v
        assert a[1, 0].lookup(table, k, ret=True).get() == v
    assert g != g[0] and a != a[0, 0] and g != a and g == g and a[0, 1] == a[(0, 1)] and not (g == 3)
    assert a.elem(ret=True).get() == [a[0, 0], a[0, 1], a[1, 0], a[1, 1]]
    assert g.elem(ret=True).get() == [g[i] for i in range(n)]
    g[n - 1].call({'1': g.cb, '2': a.cb, '3': a[1, 0].cb, '4': c.cb, '5': g[0].cb}, 'x')
    charm.waitQD()
    assert a.take(ret=True).get() == [['x'], ['x'], ['x', 'x'], ['x']]
    assert c.take(ret=True).get() == ['x']
    assert [len(t) for t in g.take(ret=True).get()] == [2] + [1] * (n - 1)
    f = Future()
    a.gather(f)
    for i, cb in enumerate(f.get()):
        cb(i)
    charm.waitQD()
    assert a.take(ret=True).get() == [[0], [1], [2], [3]]
    f1 = a[0, 0].over(a[1, 1], True, ret=True)
    a[1, 1].over(a[0, 0], False)
    assert f1.get() == a
    charm.waitQD()
    assert a.take(ret=True).get() == [['over'], [], [], []]
    back = charm.pool.map(ask, [a[0, 1], g[n - 1], c])
    assert back == [a[0, 1], g[n - 1], c]
    charm.waitQD()
    assert a[0, 1].take(ret=True).get() == c.take(ret=True).get() == ['task']
    print('OK')
    exit()


charm.start(main)
