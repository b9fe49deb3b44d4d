"""§3.4: startQD to every kind of target: future, main, group, element, array, element, singleton; waitQD in many."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class T(Chare):
    def __init__(self, main):
        self.main = main

    def quiet(self):
        self.main.hit(1)


class Busy(Chare):
    def __init__(self):
        self.count = 0

    def spread(self, depth):
        self.count += 1
        if depth > 0:
            for k in range(2):
                self.thisProxy[(self.thisIndex * 3 + k + depth) % charm.numPes()].spread(depth - 1)

    def counted(self):
        return self.count

    @coro
    def start_here(self, depth):
        self.spread(depth)
        charm.waitQD()
        return sum(self.thisProxy.counted(ret=True).get())


class Main(Chare):
    def __init__(self, args):
        n = charm.numPes()
        self.hits = 0
        busy = Group(Busy)
        me = self.thisProxy
        g, a, c = Group(T, args=[me]), Array(T, (2, 3), args=[me]), Chare(T, args=[me])
        total = 0
        for target, count in ((me.mine, 1), (g.quiet, n), (g[n - 1].quiet, 1), (a.quiet, 6), (a[1, 2].quiet, 1), (c.quiet, 1)):
            self.hits = 0
            busy[0].spread(6)
            total += 2 ** 7 - 1
            charm.startQD(target)
            self.wait('self.hits == %d' % count)
            assert sum(busy.counted(ret=True).get()) == total
        f = charm.Future()
        busy[n - 1].spread(7)
        total += 2 ** 8 - 1
        charm.startQD(f)
        assert f.get() is None
        assert sum(busy.counted(ret=True).get()) == total
        for pe in range(n):
            total += 2 ** 6 - 1
            assert busy[pe].start_here(5, ret=True).get() == total
        charm.waitQD()
        fs = [charm.Future() for _ in range(5)]
        for f in fs:
            charm.startQD(f)
        charm.wait(fs)
        print('OK')
        exit()

    def hit(self, k):
        self.hits += k

    def mine(self):
        self.hits += 1


charm.start(Main)
