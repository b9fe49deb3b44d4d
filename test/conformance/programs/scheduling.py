"""Calls are asynchronous even to oneself; coroutines of one chare interleave. Row: §4.5."""

from charm4py import charm, Chare, Group, coro


class S(Chare):

    def __init__(self):
        self.log = []

    def a(self):
        self.thisProxy[self.thisIndex].b()
        self.log.append("a1")
        self.b("local")
        self.log.append("a2")

    def b(self, x="remote"):
        self.log.append(x)

    def get(self):
        return self.log

    @coro
    def c(self, k):
        self.log.append(("s", k))
        charm.sleep(0.001)
        self.log.append(("e", k))


def main(args):
    g = Group(S)
    p = g[charm.numPes() - 1]
    p.a()
    charm.waitQD()
    assert p.get(ret=True).get() == ["a1", "local", "a2", "remote"]
    charm.wait([p.c(k, awaitable=True) for k in range(5)])
    l = p.get(ret=True).get()[4:]
    assert l[:5] == [("s", k) for k in range(5)], l
    print("OK")
    exit()


charm.start(main)
