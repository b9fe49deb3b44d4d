"""Strips exchange columns and wait for both neighbours. Row: §4.3 wait."""

from charm4py import charm, Chare, Array, coro
import numpy as np


def step(g):
    n = sum((np.roll(np.roll(g, i, 0), j, 1) for i in (-1, 0, 1) for j in (-1, 0, 1))) - g
    return ((n == 3) | (n == 2) & (g == 1)).astype(np.int8)


class Strip(Chare):

    def __init__(self, n):
        self.n = n
        self.in_ = {}

    @coro
    def run(self, grid, iters):
        i = self.thisIndex[0]
        h = grid.shape[1] // self.n
        me = grid[:, i * h : (i + 1) * h].copy()
        for t in range(iters):
            self.thisProxy[(i - 1) % self.n].ghost(t, "R", me[:, 0].copy())
            self.thisProxy[(i + 1) % self.n].ghost(t, "L", me[:, -1].copy())
            self.t = t
            self.wait('(self.t, "L") in self.in_ and (self.t, "R") in self.in_')
            ext = np.column_stack([self.in_.pop((t, "L")), me, self.in_.pop((t, "R"))])
            n = sum((np.roll(ext, a, 0)[:, 1 + b : 1 + b + h] for a in (-1, 0, 1) for b in (-1, 0, 1))) - me
            me = ((n == 3) | (n == 2) & (me == 1)).astype(np.int8)
        return me

    def ghost(self, t, side, col):
        self.in_[t, side] = col


def main(args):
    g = (np.random.default_rng(0).random((24, 30)) > 0.6).astype(np.int8)
    a = Array(Strip, 5, args=[5])
    r = np.concatenate(a.run(g, 15, ret=True).get(), axis=1)
    for _ in range(15):
        g = step(g)
    assert (r == g).all()
    print("OK")
    exit()


charm.start(main)
