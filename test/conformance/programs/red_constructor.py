"""§10: reductions from constructors, many overlapping, with different reducers; allreduce in coroutines, barriers."""
import random

from charm4py import Array, Chare, Future, Group, Reducer, charm, coro


class C(Chare):
    def __init__(self, cb1, cb2):
        self.contribute(self.idx(), Reducer.sum, cb1)
        self.contribute(self.idx(), Reducer.max, cb2)
        self.phase = 0

    def idx(self):
        return self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]

    @coro
    def work(self, rounds, total):
        out = []
        for r in range(rounds):
            if random.random() < 0.2:
                charm.sleep(0.001)
            s = self.allreduce(self.idx() + r, Reducer.sum).get()
            out.append(s)
            self.phase = r
            self.allreduce().get()
            mn = self.allreduce(self.phase, Reducer.min)
            mx = self.allreduce(self.phase, Reducer.max)
            assert mx.get() == mn.get() == r
        return out

    @coro
    def many(self, k):
        fs = [self.allreduce((self.idx(), j), Reducer.gather) for j in range(k)]
        return [f.get() for f in reversed(fs)]


def main(args):
    n = charm.numPes()
    for make, count in ((lambda a: Group(C, args=a), n), (lambda a: Array(C, 9, args=a), 9)):
        a, b = Future(), Future()
        coll = make([a, b])
        assert a.get() == count * (count - 1) // 2
        assert b.get() == count - 1
        res = coll.work(6, count, ret=True).get()
        base = count * (count - 1) // 2
        assert res == [[base + r * count for r in range(6)]] * count, res
        got = coll.many(5, ret=True).get()
        want = [[(i, j) for i in range(count)] for j in reversed(range(5))]
        assert got == [want] * count
    print('OK')
    exit()


charm.start(main)
