"""Indices by numpy integers, tuples and lists; proxies as keys. Rows: §5.1, §5.2, §5.3."""

import numpy as np, pickle
from charm4py import charm, Chare, Group, Array


class A(Chare):

    def me(self):
        return (self.thisIndex, self.thisProxy, self.thisProxy[self.thisIndex])


def main(args):
    n = charm.numPes()
    a = Array(A, (3, 4))
    g = Group(A)
    b = Array(A, 5)
    s = Chare(A)
    i = np.int64(2)
    assert a[i, np.int32(1)].me(ret=1).get()[0] == (2, 1)
    assert type(a[i, 1].me(ret=1).get()[0][0]) is int
    assert b[i].me(ret=1).get()[0] == (2,)
    assert b[2,] == b[2] == b[[2]]
    assert g[np.int8(0)].me(ret=1).get()[0] == 0
    for p, e in ((a, a[1, 2]), (g, g[n - 1]), (b, b[4])):
        ix, tp, me = e.me(ret=1).get()
        assert tp == p and me == e and (hash(tp) == hash(p)) and (hash(me) == hash(e)) and (e != p)
    assert s.me
    d = {a: 1, g: 2, b: 3, s: 4, a[0, 0]: 5, a[0, 1]: 6, g[0]: 7, b[0]: 8}
    assert len(d) == 8 and d[a[0, 0]] == 5 and (d[a[0, 1]] == 6)
    assert (
        a.ndims == 2
        and b.ndims == 1
        and (a[1, 2].elemIdx == (1, 2))
        and (g[0].elemIdx == 0)
        and (g.elemIdx == -1)
        and (a.elemIdx == ())
    )
    assert g.gid != Group(A).gid
    a.aid
    assert g[0].ckLocalBranch().me()[0] == 0
    assert isinstance(repr(a), str) and (not a == 3) and (a != None)
    q = pickle.loads(pickle.dumps(a[1, 1]))
    assert q == a[1, 1]
    print("OK")
    exit()


charm.start(main)
