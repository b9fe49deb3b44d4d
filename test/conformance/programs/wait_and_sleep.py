"""Coroutines wait for counters in a loop, for phases, and sleep. Rows: §4.3 wait, allreduce; §3.4 sleep; §5 ret of broadcasts."""

from charm4py import charm, Chare, Group, coro, Future
import time


class Sync(Chare):

    def __init__(self):
        self.count = 0
        self.phase = 0
        self.log = []

    @coro
    def run(self, phases, done):
        n = charm.numPes()
        for p in range(phases):
            for pe in range(n):
                self.thisProxy[pe].tick(p)
            self.wait("self.count >= %d" % (n * (p + 1)))
            self.log.append(p)
            self.phase += 1
            self.allreduce().get()
        self.contribute(len(self.log), charm.reducers.sum, done)

    def tick(self, p):
        self.count += 1

    @coro
    def waiter(self, k):
        self.wait("self.phase == " + str(k) + " or self.phase > " + str(k))
        return (self.thisIndex, k)

    @coro
    def sleeper(self, secs):
        t0 = time.time()
        charm.sleep(secs)
        return time.time() - t0


def main(args):
    g = Group(Sync)
    fs = [g.waiter(k, ret=True) for k in (5, 1, 3)]
    done = Future()
    g.run(5, done)
    assert done.get() == 5 * charm.numPes()
    for f, k in zip(fs, (5, 1, 3)):
        assert f.get() == [(pe, k) for pe in range(charm.numPes())]
    r = g.sleeper(0.1, ret=True).get()
    assert all((x >= 0.1 for x in r))
    print("OK")
    exit()


charm.start(main)
