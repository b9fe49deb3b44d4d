"""§9, §5.4: lines of a plane as targets of each other's reductions; combined collections; callbacks that roam; QD to a section."""
from charm4py import Array, Chare, Group, Reducer, charm

SIDE = 4


class Cell(Chare):
    def __init__(self):
        self.got = []

    def give(self, line, callback):
        x, y = self.thisIndex
        self.reduce(callback, x + 10 * y, Reducer.sum, section=line)

    def take(self, value=None):
        self.got.append(value)

    def seen(self):
        return sorted(map(str, self.got))

    def clear(self):
        self.got = []


class Other(Chare):
    def __init__(self):
        self.got = []

    def take(self, value=None):
        self.got.append(value)

    def pass_on(self, callback, value):
        callback(value)

    def seen(self):
        return sorted(map(str, self.got))

    def clear(self):
        self.got = []


def main(args):
    n = charm.numPes()
    cells, others = Array(Cell, (SIDE, SIDE)), Group(Other)
    rows = charm.split(cells, SIDE, lambda cell: cell.thisIndex[0])
    columns = charm.split(cells, SIDE, lambda cell: cell.thisIndex[1])
    charm.awaitCreation(*rows, *columns)
    for k in range(SIDE):
        rows[k].give(rows[k], columns[k].take)      # the sum of a row goes to all cells of a column
        columns[k].give(columns[k], rows[k].take)
    charm.waitQD()
    for k in range(SIDE):
        row = sum(k + 10 * y for y in range(SIDE))
        for r, seen in enumerate(columns[k].seen(ret=True).get()):
            assert seen == sorted([str(row), str(sum(x + 10 * r for x in range(SIDE)))]), (k, r, seen)

    both = charm.combine(rows[0], others, columns[0])
    size = 2 * SIDE - 1 + n
    both.clear(awaitable=True).get()
    rows[1].give(rows[1], both.take)
    charm.waitQD()
    assert both.seen(ret=True).get() == [['64']] * size
    others[n - 1].pass_on(both.take, 5)
    charm.startQD(both.take)
    charm.waitQD()
    charm.waitQD()
    assert both.seen(ret=True).get() == [['5', '64', 'None']] * size
    parts = charm.split(both, 2, lambda chare: int(isinstance(chare, Other)))
    assert [len(p.seen(ret=True).get()) for p in parts] == [2 * SIDE - 1, n]
    assert len({both, *parts, *rows, *columns}) == 3 + 2 * SIDE
    print('OK', flush=True)
    charm.exit()


charm.start(main)
