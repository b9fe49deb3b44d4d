"""§6.2: sparse insertion from every PE, at given PEs, before and after ckDoneInserting; broadcasts reach each once."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class Item(Chare):
    def __init__(self, tag=None):
        self.tag = tag
        self.seen = 0
        self.pe = charm.myPe()

    def hit(self):
        self.seen += 1

    def info(self):
        return self.thisIndex[0], self.tag, self.seen, self.pe


class Inserter(Chare):
    def go(self, arr, per):
        me = charm.myPe()
        for i in range(per):
            arr.ckInsert(me * 1000 + i, args=[(me, i)], onPE=(me + i) % charm.numPes())

    def talk(self, arr, per):
        # messages to elements that others make, maybe later
        other = (charm.myPe() + 1) % charm.numPes()
        for i in range(per):
            arr[other * 1000 + i].hit()


def main(args):
    n, per = charm.numPes(), 20
    arr = Array(Item, ndims=1)
    g = Group(Inserter)
    g.talk(arr, per)
    g.go(arr, per, awaitable=True).get()
    arr.ckDoneInserting()
    charm.waitQD()
    got = arr.info(ret=True).get()
    assert [x[0] for x in got] == [p * 1000 + i for p in range(n) for i in range(per)]
    for index, tag, seen, pe in got:
        p, i = divmod(index, 1000)
        assert tag == (p, i) and seen == 1 and pe == (p + i) % n, (index, tag, seen, pe)
    arr.hit(awaitable=True).get()
    assert [x[2] for x in arr.info(ret=True).get()] == [2] * (n * per)
    # more, later
    arr.ckInsert(999999, args=['late'])
    arr.ckDoneInserting()
    assert arr[999999].info(ret=True).get()[1] == 'late'
    assert len(arr.info(ret=True).get()) == n * per + 1
    print('OK')
    exit()


charm.start(main)
