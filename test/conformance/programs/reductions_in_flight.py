"""Thirty reductions from constructors, to alternating targets. Rows: §0 reductions, §10."""

from charm4py import charm, Chare, Array, Group, Reducer, when


class T(Chare):

    def __init__(self):
        self.got = []

    def res(self, v):
        self.got.append(v)

    @when("len(self.got) == n")
    def all(self, n):
        return self.got


class A(Chare):

    def __init__(self, t, k):
        for i in range(k):
            self.contribute(i + self.thisIndex[0], Reducer.sum, [t.res, t[charm.numPes() - 1].res, t[0].res][i % 3])


def main(args):
    n = charm.numPes()
    t = Group(T)
    a = Array(A, 17, args=[t, 30])
    base = sum(range(17))
    exp = {i: base + 17 * i for i in range(30)}
    cnt = lambda pe: 10 + (10 if pe == n - 1 else 0) + (10 if pe == 0 else 0)
    for pe in range(n):
        r = t[pe].all(cnt(pe), ret=True).get()
        want = sorted(
            (v for i, v in exp.items() if i % 3 == 0 or (i % 3 == 1 and pe == n - 1) or (i % 3 == 2 and pe == 0))
        )
        assert sorted(r) == want
    print("OK")
    exit()


charm.start(main)
