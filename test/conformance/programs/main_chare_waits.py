"""The constructor of a main chare waits while its methods are called. Rows: §4.1, §4.3, §8."""

from charm4py import charm, Chare, Group, when


class W(Chare):

    def __init__(self, m):
        self.m = m

    def go(self, k):
        self.m.report(self.thisIndex, k, val=k * 2)


class Main(Chare):

    def __init__(self, args):
        self.count = 0
        self.ph = 0
        n = charm.numPes()
        self.g = Group(W, args=[self.thisProxy])
        for k in range(3):
            self.g.go(k)
        self.wait("self.count == 3 * %d" % n)
        self.x = self.thisProxy.double(4, ret=True).get()
        assert self.x == 8
        self.thisProxy.later(1)
        self.thisProxy.later(0)

    @when("k == self.ph")
    def later(self, k):
        self.ph += 1
        if self.ph == 2:
            print("OK")
            charm.exit()

    def double(self, x):
        return 2 * x

    def report(self, idx, k, *, val):
        assert val == 2 * k
        self.count += 1


charm.start(Main)
