"""Recursive doubling, driven by @when on the step. Row: §8."""

from charm4py import charm, Chare, Array, when, Future


class P(Chare):

    def __init__(self, n, done):
        self.n, self.done, self.step = (n, done, -1)  # not begun
        self.v = self.thisIndex[0] + 1
        self.got = {}
        self.thisProxy[self.thisIndex].begin()

    def begin(self):
        """What others send may be here before it."""
        self.step = 0
        self.advance()

    def advance(self):
        i = self.thisIndex[0]
        while True:
            d = 1 << self.step
            if d >= self.n:
                return self.done.send((i, self.v))
            if i + d < self.n:
                self.thisProxy[i + d].take(self.step, self.v)
            if i - d >= 0:
                return
            self.step += 1

    @when("self.step == step")
    def take(self, step, v):
        self.v += v
        self.step += 1
        self.advance()


def main(args):
    n = 23
    f = Future(n)
    Array(P, n, args=[n, f])
    assert sorted(f.get()) == [(i, (i + 1) * (i + 2) // 2) for i in range(n)]
    print("OK")
    exit()


charm.start(main)
