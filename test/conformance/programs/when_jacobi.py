"""§8 §10: a 1-D relaxation driven by @when on the iteration number, with ghosts as messages; result against numpy."""
import numpy as np
from charm4py import Array, Chare, Reducer, charm, coro, when

N, B, ITERS = 40, 5, 30


class Block(Chare):
    def __init__(self, done):
        self.i = self.thisIndex[0]
        self.nblocks = N // B
        self.u = np.zeros(B + 2)
        if self.i == 0:
            self.u[0] = 1.0
        self.it = 0
        self.got = 0
        self.expect = (self.i > 0) + (self.i < self.nblocks - 1)
        self.done = done

    def begin(self):
        self.send()

    def send(self):
        if self.i > 0:
            self.thisProxy[self.i - 1].ghost(self.it, 'r', self.u[1])
        if self.i < self.nblocks - 1:
            self.thisProxy[self.i + 1].ghost(self.it, 'l', self.u[B])

    @when('self.it == it')
    def ghost(self, it, side, value):
        if side == 'l':
            self.u[0] = value
        else:
            self.u[B + 1] = value
        self.got += 1
        if self.got == self.expect:
            self.got = 0
            self.u[1:-1] = 0.5 * (self.u[:-2] + self.u[2:])
            self.it += 1
            if self.it == ITERS:
                self.contribute((self.i, self.u[1:-1].copy()), Reducer.gather, self.done)
            else:
                self.send()


def main(args):
    done = charm.Future()
    blocks = Array(Block, N // B, args=[done])
    blocks.begin()
    got = np.concatenate([v for _, v in done.get()])
    u = np.zeros(N + 2)
    u[0] = 1
    for _ in range(ITERS):
        u[1:-1] = 0.5 * (u[:-2] + u[2:])
    assert np.allclose(got, u[1:-1]), (got, u)
    print('OK')
    exit()


charm.start(main)
