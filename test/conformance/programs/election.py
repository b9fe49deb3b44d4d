"""Election in a ring, then reductions to every kind of target. Row: §10."""

from charm4py import charm, Chare, Array, Group, Reducer


class N(Chare):

    def __init__(self, n, main):
        self.n, self.main = (n, main)
        self.uid = self.thisIndex[0] * 7919 % 101
        self.leader = None
        self.msgs = []

    def start(self):
        self.fwd(self.uid)

    def fwd(self, uid):
        self.thisProxy[(self.thisIndex[0] + 1) % self.n].elect(uid)

    def elect(self, uid):
        if uid > self.uid:
            self.fwd(uid)
        elif uid == self.uid:
            self.thisProxy.announce(uid)

    def announce(self, uid):
        self.leader = uid
        self.contribute(uid, Reducer.max, self.thisProxy[0].r1)

    def r1(self, m):
        assert m == self.leader
        self.thisProxy.phase2()

    def phase2(self):
        self.contribute([self.uid, 1], Reducer.sum, self.thisProxy.r2)

    def r2(self, s):
        self.s = [int(x) for x in s]
        self.reduce(self.main.r3, self.s, Reducer.max)


class Main(Chare):

    def __init__(self, args):
        n = 11
        self.uids = [i * 7919 % 101 for i in range(n)]
        a = Array(N, n, args=[n, self.thisProxy])
        a.start()
        self.g = Group(Sink, args=[self.thisProxy])

    def r3(self, s):
        assert list(s) == [sum(self.uids), 11]
        self.g.go(Chare(One, args=[self.thisProxy], onPE=charm.numPes() - 1))

    def last(self, x):
        print("OK")
        exit()


class Sink(Chare):

    def __init__(self, m):
        self.m = m

    def go(self, one):
        self.reduce(one.got, self.thisIndex, Reducer.sum)


class One(Chare):

    def __init__(self, m):
        self.m = m

    def got(self, s):
        assert s == charm.numPes() * (charm.numPes() - 1) // 2
        self.m.last(s)


charm.start(Main)
