"""§12 §17: n-queens as a tree of Tasks without futures, waitQD, counts collected from all PEs by a broadcast."""
from charm4py import Chare, Group, Reducer, charm

solutions = 0


class Util(Chare):
    def count(self):
        global solutions
        s, solutions = solutions, 0
        return s

    def total(self, cb):
        self.contribute(solutions, Reducer.sum, cb)


def queens(queens_, n, grain):
    global solutions
    row = len(queens_)
    if row == n:
        solutions += 1
        return
    for col in range(n):
        if all(c != col and abs(c - col) != row - r for r, c in enumerate(queens_)):
            nxt = queens_ + [col]
            if n - row - 1 > grain:
                charm.pool.Task(queens, [nxt, n, grain])
            else:
                queens(nxt, n, grain)


def main(args):
    util = Group(Util)
    for n, want in ((4, 2), (5, 10), (6, 4), (7, 40)):
        charm.pool.Task(queens, [[], n, 4])
        charm.waitQD()
        f = charm.Future()
        util.total(f)
        assert f.get() == want, (n, f.get())
        assert sum(util.count(ret=True).get()) == want
    print('OK')
    exit()


charm.start(main)
