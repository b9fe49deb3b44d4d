"""@when over arguments, attributes, defaults and globals, with coroutines. Row: §8."""

from charm4py import charm, Chare, Group, when, coro, Future

READY = False


class Msg:

    def __init__(self, t, v):
        self.t, self.v = (t, v)


class C(Chare):

    def __init__(self):
        self.t = 0
        self.log = []
        self.lim = 3
        self.go = False

    @when("msg.t == self.t")
    def ordered(self, msg):
        self.log.append(msg.v)
        self.t += 1

    @when("self.lim > args[0] and args[1] != 0")
    def lims(self, a, b):
        return (a, b, self.lim)

    def setLim(self, n):
        self.lim = n

    @coro
    @when("self.go")
    def c1(self, x=3):
        charm.sleep(0.001)
        return x

    @when("self.go")
    @coro
    def c2(self):
        Future()
        self.thisProxy[self.thisIndex].c1(2, ret=True)
        return "c2"

    def setGo(self):
        self.go = True

    @when("x > self.lim")
    def defs(self, x=100):
        return x

    @when("READY")
    def glob(self):
        return "ready"

    def poke(self):
        pass

    def getlog(self):
        return self.log


def main(args):
    g = Group(C)
    n = charm.numPes()
    for i in reversed(range(20)):
        g.ordered(Msg(i, i * 2))
    l = charm.numPes() - 1
    while len(g[l].getlog(ret=True).get()) < 20:
        pass
    charm.waitQD()
    for r in g.getlog(ret=True).get():
        assert r == [i * 2 for i in range(20)], r
    f = g[l].lims(5, 1, ret=True)
    f2 = g[l].lims(1, 1, ret=True)
    assert f2.get() == (1, 1, 3)
    assert not f.ready()
    g[l].setLim(6)
    assert f.get() == (5, 1, 6)
    fs = [g.c1(ret=True), g.c1(8, ret=True), g.c2(ret=True), g.c1(awaitable=True)]
    g.setGo()
    assert fs[0].get() == [3] * n and fs[1].get() == [8] * n and (fs[2].get() == ["c2"] * n) and (fs[3].get() is None)
    assert g.defs(ret=True).get() == [100] * n
    f = g.glob(ret=True)
    charm.thisProxy.updateGlobals({"READY": True}, awaitable=True).get()
    g.poke()
    assert f.get() == ["ready"] * n
    print("OK")
    exit()


charm.start(main)
