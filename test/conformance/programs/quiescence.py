"""Chares create chares; quiescence is the end of each phase. Rows: §3.4 startQD, waitQD; §4.1."""

from charm4py import charm, Chare, Group, Future, coro


class Counter(Chare):

    def __init__(self):
        self.n = 0

    def add(self):
        self.n += 1

    def total(self):
        return self.n


class Node(Chare):

    def __init__(self, depth, counter):
        counter[charm.myPe()].add()
        if depth > 0:
            for _ in range(3):
                Chare(Node, args=[depth - 1, counter])


class Boss(Chare):

    def __init__(self, args):
        self.phase = 0
        self.c = Group(Counter)
        charm.awaitCreation(self.c)
        Chare(Node, args=[4, self.c])
        charm.waitQD()
        t = sum(self.c.total(ret=True).get())
        assert t == 121, t
        Chare(Node, args=[3, self.c], onPE=charm.numPes() - 1)
        charm.startQD(self.thisProxy.quiet)

    @coro
    def quiet(self):
        t = sum(self.c.total(ret=True).get())
        assert t == 121 + 40, t
        f = Future()
        self.c.add()
        charm.startQD(f)
        assert f.get() is None
        assert sum(self.c.total(ret=True).get()) == 161 + charm.numPes()
        print("OK")
        charm.exit()


charm.start(Boss)
