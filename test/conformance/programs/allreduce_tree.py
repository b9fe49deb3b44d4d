"""§4.3 §10: allreduce of every data kind, in rounds with skewed speed, on two collections at once, values checked by all."""
import numpy as np
from charm4py import Array, Chare, Group, Reducer, charm, coro


def joined(parts):
    return ''.join(sorted(''.join(parts)))


Reducer.addReducer(joined)


class A(Chare):
    def num(self):
        return self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]

    @coro
    def run(self, count, rounds):
        i = self.num()
        for r in range(rounds):
            if (i + r) % 3 == 0:
                charm.sleep(0.001)
            assert self.allreduce(i, Reducer.sum).get() == count * (count - 1) // 2
            v = self.allreduce(np.array([i, r]), Reducer.max).get()
            assert v.tolist() == [count - 1, r]
            assert self.allreduce(i, Reducer.gather).get() == list(range(count))
            assert self.allreduce('abc'[i % 3], Reducer.joined).get() == ''.join(sorted('abc'[k % 3] for k in range(count)))
            f1 = self.allreduce(i % 2 == 0, Reducer.logical_or)
            f2 = self.allreduce()
            f3 = self.allreduce(2, Reducer.product)
            assert f3.get() == 2 ** count and f2.get() is None and f1.get() == True
        return r


def main(args):
    g, a = Group(A), Array(A, 10)
    f1, f2 = g.run(charm.numPes(), 8, ret=True), a.run(10, 8, ret=True)
    assert f1.get() == [7] * charm.numPes() and f2.get() == [7] * 10
    print('OK')
    exit()


charm.start(main)
