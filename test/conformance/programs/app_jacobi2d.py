"""§17: a 2-D relaxation with channels, iwait, column views, allreduce(logical_and), updateGlobals; against numpy."""
import numpy as np
from charm4py import Array, Channel, Chare, Reducer, charm, coro

SIZE = BLOCK = TOL = None


class Block(Chare):
    def __init__(self):
        n = SIZE // BLOCK
        x, y = self.thisIndex
        self.t = np.zeros((BLOCK + 2, BLOCK + 2))
        if x == 0:
            self.t[0, :] = 1.0
        self.nbs = {}
        for name, (i, j) in dict(up=(x - 1, y), down=(x + 1, y), left=(x, y - 1), right=(x, y + 1)).items():
            if 0 <= i < n and 0 <= j < n:
                ch = Channel(self, remote=self.thisProxy[i, j])
                self.nbs[ch] = name

    @coro
    def work(self):
        it = 0
        while True:
            t = self.t
            edge = dict(up=t[1, 1:-1], down=t[-2, 1:-1], left=t[1:-1, 1], right=t[1:-1, -2])
            for ch, name in self.nbs.items():
                ch.send(edge[name])
            for ch in charm.iwait(list(self.nbs)):
                name, data = self.nbs[ch], ch.recv()
                assert data.shape == (BLOCK,)
                if name == 'up':
                    t[0, 1:-1] = data
                elif name == 'down':
                    t[-1, 1:-1] = data
                elif name == 'left':
                    t[1:-1, 0] = data
                else:
                    t[1:-1, -1] = data
            new = t.copy()
            new[1:-1, 1:-1] = 0.25 * (t[:-2, 1:-1] + t[2:, 1:-1] + t[1:-1, :-2] + t[1:-1, 2:])
            diff = np.abs(new - t).max()
            self.t = new
            it += 1
            if self.allreduce(bool(diff < TOL), Reducer.logical_and).get():
                break
        return it, self.t[1:-1, 1:-1]


def serial():
    t = np.zeros((SIZE + 2, SIZE + 2))
    t[0, :] = 1.0
    it = 0
    while True:
        new = t.copy()
        new[1:-1, 1:-1] = 0.25 * (t[:-2, 1:-1] + t[2:, 1:-1] + t[1:-1, :-2] + t[1:-1, 2:])
        diff = np.abs(new - t).max()
        t = new
        it += 1
        if diff < TOL:
            return it, t[1:-1, 1:-1]


def main(args):
    charm.thisProxy.updateGlobals({'SIZE': 12, 'BLOCK': 4, 'TOL': 0.01}, awaitable=True).get()
    assert SIZE == 12
    blocks = Array(Block, (3, 3))
    charm.awaitCreation(blocks)
    got = blocks.work(ret=True).get()
    it, want = serial()
    assert {g[0] for g in got} == {it}
    whole = np.block([[got[3 * i + j][1] for j in range(3)] for i in range(3)])
    assert np.allclose(whole, want)
    print('OK')
    exit()


charm.start(main)
