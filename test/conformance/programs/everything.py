"""Groups, arrays by a map, channels, conditions, reductions, timers, pool, insertion, destruction and quiescence, phase by phase. Rows: §3 to §12."""

from charm4py import charm, Charm4PyError, Chare, Array, Group, coro, when, Future, Reducer, Channel, ArrayMap
import numpy as np


def score(x):
    return float(np.sqrt(x))


class Map(ArrayMap):

    def procNum(self, i):
        return (i[0] * 3 + 1) % charm.numPes()


class Stat(Chare):

    def __init__(self):
        self.seen = {}
        self.closed = False

    def note(self, k, v=1):
        self.seen[k] = self.seen.get(k, 0) + v

    @when("self.seen.get(key, 0) >= least")
    def ask(self, key, least):
        return self.seen[key]

    def close(self, cb):
        self.closed = True
        self.reduce(cb, sum(self.seen.values()), Reducer.sum)


class Cell(Chare):

    def __init__(self, stat, n):
        self.stat, self.n, self.phase, self.inbox = (stat, n, 0, [])
        stat[charm.myPe()].note("made")

    @when("phase == self.phase")
    def post(self, phase, src, data):
        self.inbox.append((src, data))

    @coro
    def run(self, phases, cbs):
        i = self.thisIndex[0]
        total = 0.0
        right = Channel(self, remote=self.thisProxy[(i + 1) % self.n])
        left = Channel(self, remote=self.thisProxy[(i - 1) % self.n])
        for p in range(phases):
            for d in (1, 2):
                self.thisProxy[(i + d) % self.n].post(p, i, np.full((2, d), i + p)[:, ::-1])
            self.wait("len(self.inbox) == 2")
            assert sorted((s for s, _ in self.inbox)) == sorted(((i - d) % self.n for d in (1, 2)))
            total += sum((d.sum() for _, d in self.inbox))
            self.inbox = []
            self.phase += 1
            right.send(p, i)
            k, frm = left.recv()
            assert (k, frm) == (p, (i - 1) % self.n)
            mx = self.allreduce(i * p, Reducer.max).get()
            assert mx == (self.n - 1) * p
            self.reduce(cbs[p], {i}, Reducer.gather)
            if p == 1:
                charm.sleep(0.002)
            if p == 2 and i == 0:
                total += sum(charm.pool.map(score, [4, 9])) - 5
            try:
                self.stat[charm.numPes() - 1].ask("made", "x", ret=True).get()
                assert False
            except Charm4PyError as e:
                assert "TypeError" in str(e)
        return total


class Main(Chare):

    def __init__(self, args):
        n, P = (9, 4)
        stat = Group(Stat)
        m = Group(Map)
        cells = Array(Cell, n, args=[stat, n], map=m)
        dyn = Array(Cell, ndims=1)
        charm.awaitCreation(stat, cells)
        self.fired = 0
        cbs = [Future() for _ in range(P)]
        charm.scheduleCallableAfter(self.thisProxy.fire, 0.001, [2])
        f = cells.run(P, cbs, ret=True)
        for p, c in enumerate(cbs):
            assert c.get() == [{i} for i in range(n)]
        r = f.get()
        assert sum(r) == sum(((i + p) * (2 * d) for i in range(n) for p in range(P) for d in (1, 2))), r
        self.wait("self.fired == 2")
        for k in (5, 50, -3):
            dyn.ckInsert(k, args=[stat, 3])
        dyn.ckDoneInserting()
        charm.waitQD()
        c = Future()
        stat.close(c)
        assert c.get() == n + 3
        cells.destroy(awaitable=True).get()
        charm.startQD(self.thisProxy.done)

    def fire(self, k):
        self.fired = k

    def done(self):
        print("OK")
        charm.exit()


charm.start(Main)
