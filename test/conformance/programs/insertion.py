"""Elements are inserted by hand, some after their messages were sent. Row: §6.2."""

from charm4py import charm, Chare, Array, Future, Reducer


class D(Chare):

    def __init__(self, cb=None):
        self.cb = cb
        if cb:
            cb()

    def work(self, cb):
        self.contribute(1, Reducer.sum, cb)

    def idx(self):
        return self.thisIndex


def main(args):
    n = charm.numPes()
    a = Array(D, ndims=1)
    for i in range(0, 100, 7):
        a.ckInsert(i, onPE=i % n)
    a.ckDoneInserting()
    f = Future()
    a.work(f)
    assert f.get() == 15
    assert a.idx(ret=True).get() == [(i,) for i in range(0, 100, 7)]
    b = Array(D, ndims=3)
    f = Future(n)
    for pe in range(n):
        b.ckInsert((pe, 99, pe * 1000), args=[f])
    f.get()
    b.ckDoneInserting()
    assert b.idx(ret=True).get() == [(pe, 99, pe * 1000) for pe in range(n)]
    e = Array(D, ndims=1)
    m = e[42].idx(ret=True)
    e.ckInsert(42)
    e.ckDoneInserting()
    assert m.get() == (42,)
    try:
        e.ckInsert((1, 2))
    except ValueError:
        pass
    else:
        assert False
    print("OK")
    exit()


charm.start(main)
