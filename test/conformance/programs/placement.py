"""Default placement and ArrayMaps, in one to six dimensions. Rows: §6.2, §6.3."""

from charm4py import charm, Chare, Array, Group, ArrayMap


class M(ArrayMap):

    def __init__(self, k):
        self.k = k

    def procNum(self, index):
        return sum(index) * self.k % charm.numPes()


class E(Chare):

    def check(self):
        return charm.myPe()


def main(args):
    n = charm.numPes()
    m = Group(M, args=[3])
    a = Array(E, (4, 3, 2), map=m)
    assert a.check(ret=True).get() == [(i + j + k) * 3 % n for i in range(4) for j in range(3) for k in range(2)]
    b = Array(E, ndims=1, map=m)
    for i in range(10):
        b.ckInsert(i)
    b.ckDoneInserting()
    assert b.check(ret=True).get() == [i * 3 % n for i in range(10)]
    c = Array(E, 2 * n)
    assert c.check(ret=True).get() == [i // 2 for i in range(2 * n)]
    for dims in ((2,), (2, 2), (2, 1, 2), (1, 2, 1, 2), (2, 1, 1, 1, 2), (1, 1, 2, 2, 1, 2)):
        d = Array(E, dims)
        r = d.check(ret=True).get()
        p = 1
        for x in dims:
            p *= x
        assert len(r) == p and r == sorted(r)
    print("OK")
    exit()


charm.start(main)
