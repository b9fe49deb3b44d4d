"""A tree of chares each of which creates collections and awaits them. Rows: §0 creation, §3.4."""

from charm4py import charm, Chare, Array, Group, coro, Future


class Leaf(Chare):

    def v(self):
        return charm.myPe()


class Node(Chare):

    @coro
    def __init__(self, d, f):
        self.g = Group(Leaf)
        self.a = Array(Leaf, (2, 2))
        charm.awaitCreation(self.g, self.a)
        assert self.g.v(ret=1).get() == list(range(charm.numPes()))
        assert len(self.a.v(ret=1).get()) == 4
        if d == 0:
            f(1)
            return
        fs = Future(2)
        for k in range(2):
            Chare(Node, args=[d - 1, fs], onPE=(charm.myPe() + k + 1) % charm.numPes())
        f(sum(fs.get()))


def main(args):
    f = Future()
    Chare(Node, args=[3, f])
    assert f.get() == 8
    print("OK")
    exit()


charm.start(main)
