"""§6.2 §10: arrays that grow after ckDoneInserting, from the main chare and from all PEs; what follows meets them all."""
from charm4py import Array, Chare, Future, Group, Reducer, charm


class Item(Chare):
    def tally(self, f):
        self.contribute(1, Reducer.sum, f)

    def one(self):
        return 1


class Inserter(Chare):
    def insert(self, arr, r):
        arr.ckInsert(r * 1000 + self.thisIndex, onPE=(self.thisIndex + r) % charm.numPes())
        arr.ckInsert(-r * 1000 - self.thisIndex - 1)


def main(args):
    n = charm.numPes()
    arr, total = Array(Item, ndims=1), 0
    for r in range(12):
        for k in range(r % 3 + 1):
            arr.ckInsert(total * 17)
            total += 1
        arr.ckDoneInserting()
        for _ in range(r % 2 + 1):
            f = Future()
            arr.tally(f)
            assert f.get() == total, (r, f.get(), total)
    assert len(arr.one(ret=True).get()) == total
    arr, g, total = Array(Item, ndims=1), Group(Inserter), 0
    for r in range(12):
        g.insert(arr, r, awaitable=True).get()
        total += 2 * n
        arr.ckDoneInserting()
        for _ in range(r % 2 + 1):
            f = Future()
            arr.tally(f)
            assert f.get() == total, (r, f.get(), total)
    print('OK')
    exit()


charm.start(main)
