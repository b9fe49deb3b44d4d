"""§11: rings over groups and arrays, both directions, order kept, tuples, arrays, channel opened in constructors."""
import numpy as np
from charm4py import Array, Channel, Chare, Group, Reducer, charm, coro


class Ring(Chare):
    def __init__(self, n):
        self.n = n
        self.i = self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
        self.left = Channel(self, remote=self.thisProxy[(self.i - 1) % n])
        self.right = Channel(self, remote=self.thisProxy[(self.i + 1) % n])

    @coro
    def around(self, rounds):
        # with 1 and 2 members, left and right pair by order of creation: the n-th with the n-th
        if self.n <= 2:
            return 'small'
        token = [self.i]
        for _ in range(rounds * self.n):
            self.right.send(token)
            token = self.left.recv() + [self.i]
        return token

    @coro
    def arrays(self, k):
        if self.n <= 2:
            return True
        for j in range(k):
            self.right.send(np.full((3, j + 1), self.i), j, 'label')
            self.left.send(j)
        for j in range(k):
            a, b, c = self.left.recv()
            assert a.shape == (3, j + 1) and (a == (self.i - 1) % self.n).all() and b == j and c == 'label'
            assert self.right.recv() == j
        return True

    @coro
    def barrier(self):
        return self.allreduce(1, Reducer.sum).get()


def main(args):
    for make, n in ((lambda n: Group(Ring, args=[n]), charm.numPes()), (lambda n: Array(Ring, n, args=[n]), 5)):
        ring = make(n)
        got = ring.around(2, ret=True).get()
        if n > 2:
            for i, token in enumerate(got):
                want = [(i - d) % n for d in range(2 * n, -1, -1)]
                assert token == want, (token, want)
        assert ring.arrays(20, ret=True).get() == [True] * n
        assert ring.barrier(ret=True).get() == [n] * n
    print('OK')
    exit()


charm.start(main)
