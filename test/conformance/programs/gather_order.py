"""Results are sorted by index in one to six dimensions. Rows: §5 ret, §10 gather."""

from charm4py import charm, Chare, Array, Reducer, Future
import itertools


class A(Chare):

    def g(self, cb):
        self.contribute([self.thisIndex, charm.myPe()][0], Reducer.gather, cb)

    def ix(self):
        return self.thisIndex


def main(args):
    for dims in ((13,), (3, 5), (2, 3, 4), (2, 2, 2, 3), (2, 1, 3, 1, 2), (2, 2, 2, 1, 2, 2)):
        a = Array(A, dims)
        f = Future()
        a.g(f)
        want = list(itertools.product(*map(range, dims)))
        assert f.get() == want and a.ix(ret=1).get() == want
        assert a[want[-1]].ix(ret=1).get() == want[-1]
    print("OK")
    exit()


charm.start(main)
