"""§6.3: ArrayMaps of 1 to 6 dimensions, for initial and for inserted elements; one map for several arrays."""
from charm4py import Array, ArrayMap, Chare, Group, Reducer, charm


class Spread(ArrayMap):
    def __init__(self, shift):
        self.shift = shift

    def procNum(self, index):
        assert isinstance(index, tuple)
        return (sum(index) + self.shift) % charm.numPes()


class Odd(ArrayMap):
    def procNum(self, index):
        return charm.numPes() - 1


class Elem(Chare):
    def __init__(self, shift):
        assert charm.myPe() == (sum(self.thisIndex) + shift) % charm.numPes()

    def pe(self):
        return charm.myPe()


class Last(Chare):
    def __init__(self):
        assert charm.myPe() == charm.numPes() - 1

    def count(self, cb):
        self.reduce(cb, 1, Reducer.sum)


def main(args):
    m = Group(Spread, args=[3])
    for dims in ((7,), (3, 3), (2, 2, 2), (2, 1, 2, 2), (1, 2, 1, 2, 2), (2, 1, 2, 1, 2, 1)):
        a = Array(Elem, dims, args=[3], map=m)
        n = 1
        for d in dims:
            n *= d
        assert len(a.pe(ret=True).get()) == n
    odd = Group(Odd)
    last = Array(Last, (2, 3), map=odd)
    f = charm.Future()
    last.count(f)
    assert f.get() == 6
    sparse = Array(Elem, ndims=2, map=m)
    for i in range(0, 100, 10):
        sparse.ckInsert((i, -i + 1), args=[3])
    sparse.ckDoneInserting()
    got = sparse.pe(ret=True).get()
    assert got == [4 % charm.numPes()] * 10, got
    print('OK')
    exit()


charm.start(main)
