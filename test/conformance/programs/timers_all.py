"""§3.4: sleep and scheduleCallableAfter: every kind of callable, order, arguments, many at once, from all PEs."""
import time
from functools import partial

from charm4py import Array, Chare, Future, Group, charm, coro

log = []


class T(Chare):
    def __init__(self):
        self.got = []

    def m(self, *args):
        self.got.append(args)

    @coro
    def co(self, f, x):
        charm.sleep(0.001)
        f((x, charm.myPe()))

    def schedule(self, target, k):
        for i in range(k):
            charm.scheduleCallableAfter(target, 0.001 * i, [self.thisIndex, i])

    def take(self):
        got, self.got = self.got, []
        return sorted(got, key=str)

    @coro
    def sleeps(self, secs):
        t = time.perf_counter()
        charm.sleep(secs)
        return time.perf_counter() - t

    def plain_sleep(self, secs):
        t = time.perf_counter()
        charm.sleep(secs)
        return time.perf_counter() - t


def main(args):
    n = charm.numPes()
    g, a = Group(T), Array(T, 4)
    c = Chare(T, onPE=n - 1)
    for i in (3, 1, 2, 0):
        charm.scheduleCallableAfter(log.append, 0.02 + 0.02 * i, [i])
    charm.scheduleCallableAfter(lambda: log.append('l'), 0)
    charm.scheduleCallableAfter(partial(log.append, 'p'), 0.0)
    assert log == []
    charm.sleep(0.15)
    assert log == ['l', 'p', 0, 1, 2, 3], log
    charm.scheduleCallableAfter(g.m, 0.001, [1, 2])
    charm.scheduleCallableAfter(g[n - 1].m, 0.002)
    charm.scheduleCallableAfter(a.m, 0.001, [[3]])
    charm.scheduleCallableAfter(a[2].m, 0.003, ('x',))
    charm.scheduleCallableAfter(c.m, 0.001, ['c'])
    charm.waitQD()
    assert g.take(ret=True).get() == [[(1, 2)]] * (n - 1) + [[(), (1, 2)]]
    assert a.take(ret=True).get() == [[([3],)], [([3],)], [('x',), ([3],)], [([3],)]]
    assert c.take(ret=True).get() == [('c',)]
    f = Future(n + 1)
    f((7, n))
    charm.scheduleCallableAfter(g.co, 0.001, [f, 7])
    assert sorted(f.get()) == [(7, pe) for pe in range(n + 1)]
    g.schedule(c.m, 200)
    charm.waitQD()
    got = c.take(ret=True).get()
    assert sorted(got) == [(pe, i) for pe in range(n) for i in range(200)]
    t = time.perf_counter()
    many = a.sleeps(0.1, ret=True)
    assert all(x >= 0.1 for x in many.get())
    assert all(x >= 0.01 for x in a.plain_sleep(0.01, ret=True).get())
    print('OK')
    exit()


charm.start(main)
