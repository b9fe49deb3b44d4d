"""Three allreduces in flight, then one after another; the old names. Rows: §4.3, §0."""

from charm4py import charm, Chare, Group, Array, coro, Reducer
import numpy as np


class A(Chare):

    @coro
    def run(self):
        i = self.thisIndex[0] if isinstance(self.thisIndex, tuple) else self.thisIndex
        out = []
        f1 = self.allreduce(i, Reducer.sum)
        f2 = self.allreduce(np.array([i, -i]), Reducer.max)
        f3 = self.allreduce()
        out.append(f1.get())
        out.append(f2.get().tolist())
        assert f3.get() is None
        for k in range(10):
            r = self.allreduce((i, k), Reducer.gather).get()
            assert [x[1] for x in r] == [k] * len(r)
        out.append(self.allreduce(i == 0, Reducer.logical_or).get())
        out.append(charm.allReduce(1, Reducer.sum, self).get())
        charm.barrier(self)
        return out


def main(args):
    n = charm.numPes()

    for p, m in ((Group(A), n), (Array(A, 11), 11)):
        r = p.run(ret=True).get()
        assert all((x == [m * (m - 1) // 2, [m - 1, 0], True, m] for x in r)), r
    print("OK")
    exit()


charm.start(main)
