"""§6.3: maps made and used anywhere: in constructors, by other PEs, from tables that arrive by message; inserts through them."""
from charm4py import Array, ArrayMap, Chare, Group, charm, coro


class Table(ArrayMap):
    def __init__(self, table):
        self.table = table

    def procNum(self, index):
        return self.table[index[0] % len(self.table)] % charm.numPes()


class Elem(Chare):
    def pe(self):
        return charm.myPe()


class Owner(Chare):
    def __init__(self, table):
        self.m = Group(Table, args=[table])
        self.a = Array(Elem, 6, map=self.m)
        self.s = Array(Elem, ndims=1, map=self.m)
        for i in range(10, 14):
            self.s.ckInsert(i)
        self.s.ckDoneInserting()

    @coro
    def check(self, table):
        n = charm.numPes()
        assert self.a.pe(ret=True).get() == [table[i % len(table)] % n for i in range(6)]
        assert self.s.pe(ret=True).get() == [table[i % len(table)] % n for i in range(10, 14)]
        self.s.ckInsert(77)
        assert self.s[77].pe(ret=True).get() == table[77 % len(table)] % n
        charm.waitQD()
        assert len(self.s.pe(ret=True).get()) == 5
        return self.a, self.m


def main(args):
    table = [3, 1, 4, 1, 5, 9, 2]
    owners = Group(Owner, args=[table])
    for arr, m in owners.check(table, ret=True).get():
        assert arr.pe(ret=True).get() == [t % charm.numPes() for t in table[:6]]
        b = Array(Elem, (2, 2), map=m)
        assert b.pe(ret=True).get() == [table[i] % charm.numPes() for i in (0, 0, 1, 1)]
    print('OK')
    exit()


charm.start(main)
