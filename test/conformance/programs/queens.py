"""A tree of chares counts solutions until quiescence. Rows: §17, §3.4."""

from charm4py import charm, Chare, Group


class Util(Chare):

    def __init__(self):
        self.n = 0

    def add(self, k):
        self.n += k

    def get(self):
        return self.n


def seq(row, cols, d1, d2, n):
    if row == n:
        return 1
    return sum(
        (
            seq(row + 1, cols | {c}, d1 | {row + c}, d2 | {row - c}, n)
            for c in range(n)
            if c not in cols and row + c not in d1 and (row - c not in d2)
        )
    )


class Q(Chare):

    def __init__(self, row, cols, d1, d2, n, grain, util):
        if row >= grain:
            util[charm.myPe()].add(seq(row, cols, d1, d2, n))
        else:
            for c in range(n):
                if c not in cols and row + c not in d1 and (row - c not in d2):
                    Chare(Q, args=[row + 1, cols | {c}, d1 | {row + c}, d2 | {row - c}, n, grain, util])


def main(args):
    u = Group(Util)
    charm.awaitCreation(u)
    Chare(Q, args=[0, set(), set(), set(), 7, 3, u])
    charm.waitQD()
    assert sum(u.get(ret=True).get()) == 40
    print("OK")
    exit()


charm.start(main)
