"""§3.4 §7 §8: ten thousand coroutines that wait at once, for futures, conditions, sleep and reductions; then all go on."""
from charm4py import Array, Chare, Future, Group, Reducer, charm, coro, when


class M(Chare):
    def __init__(self):
        self.open = False
        self.it = 0
        self.sum = 0

    @coro
    def on_future(self, f):
        return f.get()

    @coro
    def on_cond(self):
        self.wait('self.open')
        return 1

    @coro
    def on_sleep(self):
        charm.sleep(0.02)
        return 1

    @when('self.it == it')
    def ordered(self, it):
        self.it += 1
        self.sum += it

    def set(self):
        self.open = True

    def get(self):
        return self.sum


def main(args):
    n = charm.numPes()
    g = Group(M)
    k = 2000
    f = Future()
    waits = [g[i % n].on_future(f, ret=True) for i in range(k)]
    waits += [g[i % n].on_cond(ret=True) for i in range(k)]
    waits += [g[i % n].on_sleep(ret=True) for i in range(k)]
    for i in reversed(range(k)):
        g[n - 1].ordered(i)
    g.set()
    f(1)
    assert sum(w.get() for w in waits) == 3 * k
    charm.waitQD()
    assert g[n - 1].get(ret=True).get() == k * (k - 1) // 2
    fs = [Future() for _ in range(20000)]
    for i, x in enumerate(fs):
        x(i)
    assert sum(x.get() for x in charm.iwait(fs)) == 20000 * 19999 // 2
    print('OK')
    exit()


charm.start(main)
