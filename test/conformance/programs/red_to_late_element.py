"""§10 §6.2: results for elements that are inserted later, and for chares of destroyed callers; callbacks kept for long."""
from charm4py import Array, Chare, Future, Group, Reducer, charm


class Late(Chare):
    def __init__(self, f):
        self.f = f

    def result(self, x):
        self.f(x)


class Src(Chare):
    def go(self, cb):
        self.contribute(2, Reducer.product, cb)


def main(args):
    g, f = Group(Src), Future()
    late = Array(Late, ndims=2)
    g.go(late[5, -5].result)
    charm.sleep(0.02)
    late.ckInsert((5, -5), args=[f], onPE=charm.numPes() - 1)
    assert f.get() == 2 ** charm.numPes()
    f2 = Future()
    g.go(late[1, 1].result)
    late.ckInsert([1, 1], args=[f2])
    late.ckDoneInserting()
    assert f2.get() == 2 ** charm.numPes()
    print('OK')
    exit()


charm.start(main)
