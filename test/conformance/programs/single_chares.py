"""Single chares where onPE says, made from everywhere, as keys and results. Rows: §4.1, §5.2."""

from charm4py import charm, Chare


class S(Chare):

    def __init__(self, a, b=5):
        self.a, self.b = (a, b)
        assert self.thisIndex == (0,)

    def where(self):
        return (charm.myPe(), self.a, self.b, self.thisIndex)

    def me(self):
        return self.thisProxy

    def make(self, pe):
        return Chare(S, args=["made"], onPE=pe)


def main(args):
    n = charm.numPes()
    ps = [Chare(S, args=[i, i * 2], onPE=i % n) for i in range(2 * n)]
    charm.awaitCreation(*ps)
    for i, p in enumerate(ps):
        assert p.where(ret=True).get() == (i % n, i, i * 2, (0,))
        assert p.me(ret=True).get() == p
        q = p.make((i + 1) % n, ret=True).get()
        assert q.where(ret=True).get() == ((i + 1) % n, "made", 5, (0,)), q
    d = {p: i for i, p in enumerate(ps)}
    for i, p in enumerate(ps):
        assert d[p.me(ret=True).get()] == i
    x = Chare(S, args=[3])
    pe, a, b, ix = x.where(ret=True).get()
    assert (a, b) == (3, 5)
    assert len({x, x.me(ret=True).get()}) == 1
    print("OK")
    exit()


charm.start(main)
