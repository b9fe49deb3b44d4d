"""§0: proxy.destroy(awaitable=): collections of every kind are made and destroyed many times, the rest lives on."""
from charm4py import Array, Chare, Group, Reducer, charm


class D(Chare):
    def __init__(self, k):
        self.k = k
        self.data = bytearray(1000)

    def total(self, cb):
        self.contribute(self.k, Reducer.sum, cb)


def main(args):
    keep = Array(D, 10, args=[1])
    for k in range(30):
        a = Array(D, (4, 4), args=[k])
        g = Group(D, args=[k])
        c = Chare(D, args=[k], onPE=k % charm.numPes())
        fa, fg = charm.Future(), charm.Future()
        a.total(fa)
        g.total(fg)
        assert fa.get() == 16 * k
        assert fg.get() == charm.numPes() * k
        a.destroy(awaitable=True).get()
        f = g.destroy(awaitable=True)
        c.destroy()
        f.get()
    f = charm.Future()
    keep.total(f)
    assert f.get() == 10
    print('OK')
    exit()


charm.start(main)
