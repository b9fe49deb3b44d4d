"""Blocks exchange borders; those of a later iteration wait at the receiver. Rows: §8 @when with tags, §10."""

from charm4py import charm, Chare, Array, when, Reducer, Future
import numpy as np


class Block(Chare):

    def __init__(self, n, iters, done):
        self.iteration = 0
        self.msgs = 0
        self.n = n
        self.iters = iters
        self.done = done
        i, j = self.thisIndex
        self.nb = [
            (i + di, j + dj) for di, dj in ((1, 0), (-1, 0), (0, 1), (0, -1)) if 0 <= i + di < n and 0 <= j + dj < n
        ]
        self.sum = 0
        self.data = np.full((4, 6), i * n + j, dtype=np.float64)

    def start(self):
        self.sendGhosts()

    def sendGhosts(self):
        for nb in self.nb:
            self.thisProxy[nb].recv(self.iteration, self.data[:, 1].copy(), self.thisIndex)

    @when("self.iteration == it")
    def recv(self, it, ghost, src):
        assert ghost.shape == (4,)
        assert (ghost == src[0] * self.n + src[1] + it).all(), (ghost, src, it)
        assert it == self.iteration
        self.msgs += 1
        if self.msgs == len(self.nb):
            self.msgs = 0
            self.iteration += 1
            self.data += 1
            if self.iteration < self.iters:
                self.sendGhosts()
            else:
                self.reduce(self.done, self.data.sum(), Reducer.sum)


def main(args):
    done = Future()
    n = 4
    a = Array(Block, (n, n), args=[n, 20, done])
    a.start()
    r = done.get()
    assert r == sum(((k + 20) * 24 for k in range(n * n))), r
    print("OK")
    exit()


charm.start(main)
