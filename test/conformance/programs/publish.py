"""Topics call callbacks of every kind. Row: §5.4."""

from charm4py import charm, Chare, Array, Group, Future


class Topic(Chare):

    def __init__(self):
        self.subs = {}

    def sub(self, name, cb):
        self.subs.setdefault(name, []).append(cb)

    def pub(self, name, *a):
        for cb in self.subs.get(name, []):
            cb(*a)


class S(Chare):

    def __init__(self):
        self.log = []

    def on(self, x, y=0):
        self.log.append((x, y))

    def get(self):
        return self.log


def main(args):
    n = charm.numPes()
    t = Chare(Topic, onPE=n // 2)
    a = Array(S, 4)
    g = Group(S)
    one = Chare(S, onPE=n - 1)
    f = Future()
    for cb in (a[1].on, g.on, one.on, f, g[n - 1].on, a.on):
        t.sub("t", cb)
    charm.waitQD()
    t.pub("t", 5)
    t.pub("nobody", 1, 2, 3)
    assert f.get() == 5
    charm.waitQD()
    assert a.get(ret=1).get() == [[(5, 0)], [(5, 0)] * 2, [(5, 0)], [(5, 0)]]
    assert g.get(ret=1).get() == [[(5, 0)]] * (n - 1) + [[(5, 0)] * 2] and one.get(ret=1).get() == [(5, 0)]
    print("OK")
    exit()


charm.start(main)
