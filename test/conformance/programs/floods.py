"""50000 unread messages of a channel, 20000 calls per PE to one chare. Rows: §11, §0."""

from charm4py import charm, Chare, Array, Group, coro, Future, Channel


class A(Chare):

    def __init__(self):
        self.n = 0

    @coro
    def snd(self, peer, k):
        c = Channel(self, remote=peer)
        for i in range(k):
            c.send(i)
        return 1

    @coro
    def rcv(self, peer, k):
        c = Channel(self, remote=peer)
        charm.sleep(0.3)
        for i in range(k):
            assert c.recv() == i
        return 2

    def hit(self, f):
        self.n += 1
        if self.n == 20000 * charm.numPes():
            f()

    def fire(self, p, f):
        for i in range(20000):
            p.hit(f)


def main(args):
    n = charm.numPes()
    a = Array(A, 2 * n)
    fs = [a[0].snd(a[2 * n - 1], 50000, ret=1), a[2 * n - 1].rcv(a[0], 50000, ret=1)]
    assert [f.get() for f in fs] == [1, 2]
    g = Group(A)
    f = Future()
    g.fire(g[0], f)
    f.get()
    print("OK")
    exit()


charm.start(main)
