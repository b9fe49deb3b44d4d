"""§6.2 §5.1: dense arrays of 1 to 6 dimensions: every element once, thisIndex, block placement, ret sorted by index."""
from itertools import product

from charm4py import Array, Chare, Reducer, charm


class Cell(Chare):
    def __init__(self, dims):
        self.dims = dims
        assert type(self.thisIndex) is tuple
        assert len(self.thisIndex) == len(dims)

    def where(self):
        return self.thisIndex, charm.myPe()

    def number(self):
        n = 0
        for i, d in zip(self.thisIndex, self.dims):
            n = n * d + i
        return n

    def total(self, fut):
        self.contribute(self.number(), Reducer.sum, fut)


def main(args):
    for dims in ((5,), (3, 4), (2, 3, 4), (2, 2, 2, 3), (2, 1, 3, 2, 2), (2, 2, 1, 2, 2, 3)):
        a = Array(Cell, dims, args=[dims])
        charm.awaitCreation(a)
        got = a.where(ret=True).get()
        n = len(list(product(*map(range, dims))))
        assert [g[0] for g in got] == list(product(*map(range, dims))), got
        pes = [g[1] for g in got]
        assert pes == sorted(pes), pes  # contiguous blocks in row-major order
        assert set(pes) <= set(range(charm.numPes()))
        counts = [pes.count(pe) for pe in range(charm.numPes())]
        assert max(counts) - min(counts) <= 1 or n < charm.numPes(), counts
        f = charm.Future()
        a.total(f)
        assert f.get() == n * (n - 1) // 2
        assert a[tuple(d - 1 for d in dims)].number(ret=True).get() == n - 1
    b = Array(Cell, 4, args=[(4,)])
    assert b[3].where(ret=True).get()[0] == (3,)
    assert b[(3,)].where(ret=True).get()[0] == (3,)
    assert b[[2]].where(ret=True).get()[0] == (2,)
    print('OK')
    exit()


charm.start(main)
