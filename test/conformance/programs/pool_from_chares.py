"""§12: jobs from chares on all PEs at once, from constructors, from tasks; several jobs at a time of each."""
from charm4py import Array, Chare, Group, charm, coro


def cube(x):
    return x ** 3


@coro
def slow(x):
    charm.sleep(0.001)
    return x


class User(Chare):
    @coro
    def __init__(self):
        self.first = charm.pool.map(cube, range(4))

    @coro
    def run(self, rounds):
        i = self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
        for r in range(rounds):
            jobs = [charm.pool.map_async(cube, range(i, i + 20), chunksize=c) for c in (1, 3, 20)]
            jobs += [charm.pool.map_async(slow, range(10))]
            tasks = [charm.pool.Task(cube, [r], ret=True) for _ in range(3)]
            for j in jobs[:3]:
                assert j.get() == [x ** 3 for x in range(i, i + 20)]
            assert jobs[3].get() == list(range(10))
            assert [t.get() for t in tasks] == [r ** 3] * 3
        return i

    def check(self):
        return self.first


def main(args):
    g, a = Group(User), Array(User, 5)
    charm.awaitCreation(g, a)
    fg, fa = g.run(4, ret=True), a.run(4, ret=True)
    done = 0
    for f in charm.iwait([fg, fa]):
        done += 1
        assert f.get() == list(range(charm.numPes() if f is fg else 5))
    assert done == 2
    assert g.check(ret=True).get() == [[0, 1, 8, 27]] * charm.numPes()
    print('OK')
    exit()


charm.start(main)
