"""§3.4: waitQD with timers, sleeping coroutines, pool tasks, channels, insertions and creations in flight."""
import time

from charm4py import Array, Channel, Chare, Group, Reducer, charm, coro

hits = 0


def hit(k=1):
    global hits
    hits += k


class G(Chare):
    def __init__(self):
        self.n = 0

    def timers(self, k):
        for i in range(k):
            charm.scheduleCallableAfter(self.tick, 0.01 * i)
            charm.scheduleCallableAfter(self.thisProxy[(self.thisIndex + 1) % charm.numPes()].tick_by, 0.005 * i, [2])

    def tick(self):
        self.n += 1

    def tick_by(self, k):
        self.n += k

    @coro
    def sleeper(self, secs):
        charm.sleep(secs)
        self.n += 100

    @coro
    def over_channel(self, peer):
        ch = Channel(self, remote=peer)
        for i in range(50):
            ch.send(i)
        for i in range(50):
            assert ch.recv() == i
        self.n += 1000

    def count(self):
        n, self.n = self.n, 0
        return n


class Grow(Chare):
    def __init__(self, depth):
        if depth:
            i = self.thisIndex[0]
            self.thisProxy.ckInsert(2 * i, args=[depth - 1])
            self.thisProxy.ckInsert(2 * i + 1, args=[depth - 1])

    def one(self):
        return 1


def slow(x):
    time.sleep(0.002)
    hit()
    return x


class Late(Chare):
    def __init__(self, g, k):
        g[charm.myPe()].tick()
        if k:
            Group(Late, args=[g, k - 1])


def main(args):
    n = charm.numPes()
    g = Group(G)
    charm.awaitCreation(g)
    g.timers(5)
    charm.waitQD()
    assert g.count(ret=True).get() == [5 + 10] * n
    t = time.time()
    g.sleeper(0.1)
    charm.waitQD()
    assert time.time() - t >= 0.1
    assert g.count(ret=True).get() == [100] * n
    g[0].over_channel(g[n - 1])
    if n > 1:
        g[n - 1].over_channel(g[0])
    charm.waitQD()
    assert sum(g.count(ret=True).get()) == (2000 if n > 1 else 1000)
    arr = Array(Grow, ndims=1)
    arr.ckInsert(1, args=[6])
    charm.waitQD()
    arr.ckDoneInserting()
    assert len(arr.one(ret=True).get()) == 2 ** 7 - 1
    fs = charm.pool.map_async(slow, range(40), multi_future=True)
    charm.waitQD()
    assert all(f.ready() for f in fs)
    Chare(Late, args=[g, 1])
    charm.waitQD()
    assert sum(g.count(ret=True).get()) == 1 + n
    for _ in range(30):
        charm.waitQD()
    print('OK')
    exit()


charm.start(main)
