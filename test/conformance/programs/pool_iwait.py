"""§12 §3.4: iwait over multi_future jobs with suspending bodies; futures of tasks sent to chares; callbacks from tasks."""
from charm4py import Chare, Group, charm, coro


def work(x):
    return x, charm.myPe()


def tell(f, x):
    f(x)


def call(cb, x):
    cb(x)


class G(Chare):
    def __init__(self):
        self.got = []

    @coro
    def collect(self, fs):
        return [f.get() for f in fs]

    def take(self, x):
        self.got.append(x)

    def all(self):
        return sorted(self.got)


def main(args):
    n = charm.numPes()
    fs = charm.pool.map_async(work, range(30), multi_future=True)
    seen = []
    for f in charm.iwait(fs):
        seen.append(f.get()[0])
        charm.sleep(0)
        if len(seen) % 10 == 0:
            assert charm.pool.map(abs, [-1]) == [1]
    assert sorted(seen) == list(range(30))
    g = Group(G)
    fs = charm.pool.map_async(abs, range(-5, 0), multi_future=True)
    assert g[n - 1].collect(fs, ret=True).get() == [5, 4, 3, 2, 1]
    f = charm.Future(10)
    for i in range(10):
        charm.pool.Task(tell, [f, i])
    assert sorted(f.get()) == list(range(10))
    for i in range(10):
        charm.pool.Task(call, [g.take, i])
        charm.pool.Task(call, [g[0].take, i + 100])
    charm.waitQD()
    got = g.all(ret=True).get()
    assert got[0] == list(range(10)) + list(range(100, 110))
    assert all(x == list(range(10)) for x in got[1:])
    print('OK')
    exit()


charm.start(main)
