"""§10: targets: main chare, group, element, array, element, singleton, future, a callback received from elsewhere."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class Sink(Chare):
    def __init__(self, main):
        self.main = main

    def take(self, v):
        self.main.got('sink', v)

    def empty(self):
        self.main.got('sink', None)

    def me(self):
        return self.thisProxy[self.thisIndex].take


class Src(Chare):
    def go(self, cb, reducer=None):
        if reducer is None:
            self.contribute(None, None, cb)
        else:
            self.contribute(3, reducer, cb)

    def nop(self, cb):
        self.contribute(None, Reducer.nop, cb)

    def red(self, cb):
        self.reduce(cb)


class Main(Chare):
    def __init__(self, args):
        self.log = []
        n = charm.numPes()
        src = Group(Src)
        g, a, c = Group(Sink, args=[self.thisProxy]), Array(Sink, (2, 2), args=[self.thisProxy]), Chare(Sink, args=[self.thisProxy])
        plan = [(self.thisProxy.direct, 1), (g.take, n), (g[n - 1].take, 1), (a.take, 4), (a[1, 0].take, 1),
                (c.take, 1), (g[n - 1].me(ret=True).get(), 1), (a[1, 1].me(ret=True).get(), 1)]
        for target, count in plan:
            self.log = []
            src.go(target, Reducer.sum)
            self.wait('len(self.log) == %d' % count)
            assert [v for _, v in self.log] == [3 * n] * count, self.log
        for target, count in ((self.thisProxy.direct_empty, 1), (g.empty, n), (g[0].empty, 1), (a.empty, 4), (c.empty, 1)):
            for method in (src.go, src.nop, src.red):
                self.log = []
                method(target)
                self.wait('len(self.log) == %d' % count)
                assert [v for _, v in self.log] == [None] * count
        f = charm.Future()
        src.go(f, Reducer.gather)
        assert f.get() == [3] * n
        f = charm.Future()
        src.go(f)
        assert f.get() is None
        print('OK', flush=True)
        src.go(charm.thisProxy[0].exit)

    def got(self, who, v):
        self.log.append((who, v))

    def direct(self, v):
        self.log.append(('main', v))

    def direct_empty(self):
        self.log.append(('main', None))


charm.start(Main)
