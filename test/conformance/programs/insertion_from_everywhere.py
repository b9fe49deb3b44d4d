"""Sparse, negative and large indices, inserted by all PEs under broadcasts. Rows: §6.2, §10."""

from charm4py import charm, Chare, Array, Group, Future, Reducer


class E(Chare):

    def __init__(self, cb):
        self.b = 0
        self.contribute(1, Reducer.sum, cb)

    def bc(self):
        self.b += 1

    def get(self):
        return (self.thisIndex, self.b)


class I(Chare):

    def ins(self, a, cb, done):
        for k in range(10):
            a.ckInsert((self.thisIndex, k * 1000003), args=[cb])
        self.reduce(done)


class Ins2(Chare):

    def ins(self, a, ids, cb, done):
        for i in ids:
            a.ckInsert(i, args=[cb])
        done()


def main(args):
    n = charm.numPes()
    cb = Future()
    done = Future()
    a = Array(E, ndims=2)
    g = Group(I)
    g.ins(a, cb, done)
    a.bc()
    a.bc()
    done.get()
    a.ckDoneInserting()
    assert cb.get() == 10 * n
    r = a.get(ret=True).get()
    assert [x for x, _ in r] == [(p, k * 1000003) for p in range(n) for k in range(10)] and all(
        (b == 2 for _, b in r)
    ), r
    ids = [-5, 0, 2**31, 2**40, 7, -(2**33)]
    b = Array(E, ndims=1)
    cb = Future()
    done = Future()
    Chare(Ins2, onPE=n - 1).ins(b, ids, cb, done)
    done.get()
    b.ckDoneInserting()
    assert cb.get() == 6 and [x[0][0] for x in b.get(ret=True).get()] == sorted(ids)
    assert b[2**40].get(ret=True).get() == ((2**40,), 0) and b[-5].get(ret=1).get()[0] == (-5,)
    print("OK")
    exit()


charm.start(main)
