"""§0 §6: Chare, Group and Array made on any PE, in constructors, coroutines and plain methods; proxies sent around."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class Leaf(Chare):
    def __init__(self, owner):
        self.owner = owner

    def ident(self):
        return self.owner

    def add(self, cb):
        self.contribute(self.owner, Reducer.sum, cb)


class Maker(Chare):
    def __init__(self):
        self.mine = Array(Leaf, (2, 3), args=[self.thisIndex])
        self.group = Group(Leaf, args=[100 + self.thisIndex])

    def proxies(self):
        return self.mine, self.group, Chare(Leaf, args=[-self.thisIndex])

    @coro
    def check(self):
        a = Array(Leaf, 4, args=[7])
        g = Group(Leaf, args=[8])
        c = Chare(Leaf, args=[9], onPE=(charm.myPe() + 1) % charm.numPes())
        charm.awaitCreation(a, g, c)
        assert a.ident(ret=True).get() == [7] * 4
        assert g.ident(ret=True).get() == [8] * charm.numPes()
        assert c.ident(ret=True).get() == 9
        f = charm.Future()
        a.add(f)
        return f.get()


def main(args):
    makers = Group(Maker)
    assert makers.check(ret=True).get() == [28] * charm.numPes()
    for pe, (arr, grp, one) in enumerate(makers.proxies(ret=True).get()):
        assert arr.ident(ret=True).get() == [pe] * 6
        assert grp.ident(ret=True).get() == [100 + pe] * charm.numPes()
        assert one.ident(ret=True).get() == -pe
    print('OK')
    exit()


charm.start(main)
