"""Constructors that suspend, reduce and create. Rows: §3.4 awaitCreation, §8, §10."""

from charm4py import charm, Charm4PyError, Chare, Group, Array, coro, Future, Reducer


class A(Chare):

    @coro
    def __init__(self, f, cb):
        self.ok = False
        self.contribute(1, Reducer.sum, cb)
        charm.sleep(0.01)
        self.sub = Array(B, 3, args=[self.thisIndex])
        charm.awaitCreation(self.sub)
        self.ok = True

    def isok(self):
        return self.ok

    @coro
    def kids(self):
        return self.sub.who(ret=True).get()


class B(Chare):

    def __init__(self, parent):
        self.parent = parent

    def who(self):
        return (self.parent, self.thisIndex[0])


class G(Chare):

    def __init__(self):
        self.c = Chare(B, args=[("g", self.thisIndex)])

    def child(self):
        return self.c


def main(args):
    charm.numPes()
    f = Future()
    cb = Future()
    a = Array(A, 5, args=[f, cb])
    early = a.isok(ret=True)
    charm.awaitCreation(a)
    assert cb.get() == 5
    assert a.isok(ret=True).get() == [True] * 5
    assert early.get() == [False] * 5
    assert a.kids(ret=True).get() == [[((i,), j) for j in range(3)] for i in range(5)]
    g = Group(G)
    ch = g.child(ret=True).get()
    for i, c in enumerate(ch):
        assert c.who(ret=True).get() == (("g", i), 0)
    try:
        charm.awaitCreation(a)
    except Charm4PyError:
        pass
    else:
        assert False
    print("OK")
    exit()


charm.start(main)
