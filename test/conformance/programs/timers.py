"""Functions, futures and methods as callbacks of timers, 300 at once. Rows: §3.4, §0 timers."""

from charm4py import charm, Chare, Group, Future
import time


class T(Chare):

    def __init__(self):
        self.n = 0
        self.t0 = time.time()

    def tick(self, a, b, cb):
        self.n += 1
        assert (a, b) == (1, "x")
        if self.n < 5:
            charm.scheduleCallableAfter(self.thisProxy[self.thisIndex].tick, 0.01, [a, b, cb])
        else:
            assert time.time() - self.t0 >= 0.04
            self.reduce(cb)


calls = []


def fn(*a):
    calls.append(a)


def main(args):
    g = Group(T)
    charm.awaitCreation(g)
    f = Future()
    for p in range(charm.numPes()):
        charm.scheduleCallableAfter(g[p].tick, 0.005, [1, "x", f])
    assert f.get() is None
    f = Future()
    charm.scheduleCallableAfter(f, 0.02)
    t = time.time()
    assert f.get() is None
    assert time.time() - t > 0.015
    f = Future()
    charm.scheduleCallableAfter(f, 0.01, [42])
    assert f.get() == 42
    charm.scheduleCallableAfter(fn, 0.01, [1, 2])
    charm.scheduleCallableAfter(fn, 0.0)
    charm.scheduleCallableAfter(lambda: calls.append("l"), 0.005)
    charm.sleep(0.05)
    assert calls == [(), "l", (1, 2)], calls
    fs = [Future() for _ in range(300)]
    for i, f in enumerate(fs):
        charm.scheduleCallableAfter(f, 0.001 * (i % 10), [i])
    assert [f.get() for f in fs] == list(range(300))
    t = time.time()
    charm.sleep(0)
    charm.sleep(0.02)
    assert time.time() - t >= 0.02
    print("OK")
    exit()


charm.start(main)
