"""§10: reductions by a singleton, by the elements of one array with different callbacks each round, chained reductions."""
from charm4py import Array, Chare, Group, Reducer, charm


class One(Chare):
    def go(self, cb):
        self.contribute(42, Reducer.sum, cb)
        self.contribute([1, 2], Reducer.gather, cb)
        self.reduce(cb, 'x', Reducer.max)


class Stage(Chare):
    def __init__(self, level, nxt, last):
        self.level, self.nxt, self.last = level, nxt, last

    def run(self, x):
        value = x + self.thisIndex[0]
        self.contribute(value, Reducer.sum, self.nxt.run if self.nxt is not None else self.last)


def main(args):
    one = Chare(One, onPE=charm.numPes() - 1)
    f = charm.Future(3)
    one.go(f)
    assert sorted(map(str, f.get())) == sorted(['42', '[[1, 2]]', 'x'])
    end = charm.Future()
    nxt = None
    sizes = (3, 5, 2, 4)
    for level, size in enumerate(sizes):
        nxt = Array(Stage, size, args=[level, nxt, end])
    nxt.run(1)
    x = 1
    for size in reversed(sizes):
        x = size * x + size * (size - 1) // 2
    assert end.get() == x
    print('OK')
    exit()


charm.start(main)
