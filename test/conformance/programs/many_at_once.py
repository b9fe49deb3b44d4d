"""Thousands of coroutines, buffered calls and values, and 70000 futures. Rows: §0 futures, §8."""

from charm4py import charm, Chare, Group, coro, when, Future


class A(Chare):

    def __init__(self):
        self.n = 0
        self.go = False

    @coro
    def park(self, f):
        f.get()
        return 1

    def again(self, k, f):
        if k:
            self.thisProxy[self.thisIndex].again(k - 1, f)
        else:
            f()

    def give(self, f, k):
        for i in range(k):
            f.send(i)

    @when("self.go")
    def held(self, x):
        self.n += 1

    def release(self):
        self.go = True

    def num(self):
        return self.n


def main(args):
    n = charm.numPes()
    g = Group(A)
    p = g[n - 1]
    f = Future()
    rs = [p.park(f, ret=1) for _ in range(5000)]
    charm.sleep(0.01)
    f.send(0)
    assert sum((r.get() for r in rs)) == 5000
    f = Future()
    p.again(100000, f)
    f.get()
    f = Future(20000 * n)
    g.give(f, 20000)
    r = f.get()
    assert len(r) == 20000 * n and sum(r) == n * 19999 * 10000
    for i in range(5000):
        p.held(i)
    p.release()
    assert p.num(ret=1).get() in range(5001)
    charm.waitQD()
    assert p.num(ret=1).get() == 5000
    fs = [Future() for _ in range(70000)]
    fs[69999](1)
    fs[69999].get()
    print("OK")
    exit()


charm.start(main)
