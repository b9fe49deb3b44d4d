"""Detections with callbacks of every kind while calls and coroutines wait. Row: §3.4."""

from charm4py import charm, Chare, Array, Group, coro, when, Future


class A(Chare):

    def __init__(self):
        self.q = 0
        self.go = 0

    def quiet(self):
        self.q += 1

    def n(self):
        return self.q

    @when("self.go")
    def later(self):
        return 5

    @coro
    def park(self):
        self.wait("self.go == 1")
        return 6

    def setgo(self):
        self.go = 1

    def chain(self, k):
        if k:
            self.thisProxy[(self.thisIndex + k) % charm.numPes()].chain(k - 1)

    @coro
    def fromhere(self):
        self.thisProxy[0].chain(50)
        charm.waitQD()
        return "q"


def main(args):
    n = charm.numPes()
    g = Group(A)
    a = Array(A, 4)
    s = Chare(A)
    l = g.later(ret=True)
    p = a.park(ret=True)
    for cb in (g.quiet, g[n - 1].quiet, a.quiet, a[2].quiet, s.quiet):
        charm.startQD(cb)
    f = Future()
    charm.startQD(f)
    g[0].chain(30)
    f.get()
    charm.waitQD()
    assert g.n(ret=1).get() == [1] * (n - 1) + [2] and a.n(ret=1).get() == [1, 1, 2, 1] and (s.n(ret=1).get() == 1)
    assert not l.ready() and (not p.ready())
    g.setgo()
    a.setgo()
    assert l.get() == [5] * n and p.get() == [6] * 4
    assert g.fromhere(ret=1).get() == ["q"] * n
    print("OK")
    exit()


charm.start(main)
