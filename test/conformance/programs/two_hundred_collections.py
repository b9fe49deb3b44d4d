"""Every element of a group creates collections at once. Row: §0 creation."""

from charm4py import charm, Chare, Array, Group, coro


class B(Chare):

    def __init__(self, who, *, k=0):
        self.who = who

    def get(self):
        return (self.who, charm.myPe())


class A(Chare):

    @coro
    def mk(self, m):
        out = []
        for i in range(m):
            g = Group(B, args=[(self.thisIndex, i)])
            a = Array(B, 3, args=[(self.thisIndex, i)])
            s = Chare(B, args=["s"])
            charm.awaitCreation(g, a, s)
            out.append((g, a, s))
        return out


def main(args):
    n = charm.numPes()
    g = Group(A)
    r = g.mk(10, ret=True).get()
    seen = set()
    for pe, l in enumerate(r):
        for i, (gg, a, s) in enumerate(l):
            assert gg.get(ret=1).get() == [((pe, i), q) for q in range(n)]
            assert [x[0] for x in a.get(ret=1).get()] == [(pe, i)] * 3
            assert s.get(ret=1).get()[0] == "s"
            seen |= {gg, a, s}
    assert len(seen) == 30 * n
    print("OK")
    exit()


charm.start(main)
