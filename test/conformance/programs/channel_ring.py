"""Neighbours exchange arrays over channels and take them as they come. Rows: §11, §3.4 iwait."""

from charm4py import charm, Chare, Array, Channel, coro, Future, Reducer
import numpy as np


class P(Chare):

    @coro
    def run(self, iters, done):
        n = charm.numPes() * 2
        i = self.thisIndex[0]
        left = Channel(self, remote=self.thisProxy[(i - 1) % n])
        right = Channel(self, remote=self.thisProxy[(i + 1) % n])
        for k in range(iters):
            left.send(i, k, np.arange(k))
            right.send(i, k, np.arange(k))
            got = {}
            for ch in charm.iwait([left, right]):
                j, kk, arr = ch.recv()
                assert kk == k and len(arr) == k
                got[ch] = j
            assert got[left] == (i - 1) % n and got[right] == (i + 1) % n, got
        self.contribute(1, Reducer.sum, done)


def main(args):
    a = Array(P, charm.numPes() * 2)
    done = Future()
    a.run(20, done)
    assert done.get() == charm.numPes() * 2
    print("OK")
    exit()


charm.start(main)
