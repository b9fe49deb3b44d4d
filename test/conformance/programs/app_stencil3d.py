"""§17: a 3-D stencil whose blocks exchange faces in messages with @when, allreduce of the error, maps for placement."""
import numpy as np
from charm4py import Array, ArrayMap, Chare, Group, Reducer, charm, coro, when

D, B, ITERS = 2, 4, 5
FACES = {'x-': (0, -1), 'x+': (0, 1), 'y-': (1, -1), 'y+': (1, 1), 'z-': (2, -1), 'z+': (2, 1)}
OPP = {'x-': 'x+', 'x+': 'x-', 'y-': 'y+', 'y+': 'y-', 'z-': 'z+', 'z+': 'z-'}


class RR(ArrayMap):
    def procNum(self, i):
        return (i[0] * D * D + i[1] * D + i[2]) % charm.numPes()


class Block(Chare):
    def __init__(self):
        self.t = np.zeros((B + 2,) * 3)
        base = np.array(self.thisIndex) * B
        g = np.indices((B,) * 3) + base.reshape(3, 1, 1, 1)
        self.t[1:-1, 1:-1, 1:-1] = g[0] * 100 + g[1] * 10 + g[2]
        self.iter = 0
        self.count = 0

    def plane(self, face, ghost):
        axis, d = FACES[face]
        idx = [slice(1, -1)] * 3
        idx[axis] = (0 if d < 0 else B + 1) if ghost else (1 if d < 0 else B)
        return tuple(idx)

    @coro
    def run(self):
        for it in range(ITERS):
            for face, (axis, d) in FACES.items():
                nb = list(self.thisIndex)
                nb[axis] = (nb[axis] + d) % D
                self.thisProxy[tuple(nb)].ghost(it, OPP[face], self.t[self.plane(face, False)])
            self.wait('self.count == 6')
            self.count = 0
            t = self.t
            new = (t[:-2, 1:-1, 1:-1] + t[2:, 1:-1, 1:-1] + t[1:-1, :-2, 1:-1] + t[1:-1, 2:, 1:-1]
                   + t[1:-1, 1:-1, :-2] + t[1:-1, 1:-1, 2:]) / 6
            err = np.abs(new - t[1:-1, 1:-1, 1:-1]).max()
            self.t = self.t.copy()
            self.t[1:-1, 1:-1, 1:-1] = new
            self.iter += 1
            err = self.allreduce(err, Reducer.max).get()
        return err, self.t[1:-1, 1:-1, 1:-1].sum()

    @when('self.iter == it')
    def ghost(self, it, face, data):
        self.t[self.plane(face, True)] = data
        self.count += 1


def main(args):
    a = Array(Block, (D, D, D), map=Group(RR))
    got = a.run(ret=True).get()
    g = np.indices((D * B,) * 3)
    t = (g[0] * 100 + g[1] * 10 + g[2]).astype(float)
    for _ in range(ITERS):
        new = sum(np.roll(t, s, ax) for ax in range(3) for s in (1, -1)) / 6
        err = np.abs(new - t).max()
        t = new
    assert all(abs(e - err) < 1e-9 for e, _ in got), (got, err)
    assert abs(sum(s for _, s in got) - t.sum()) < 1e-6
    print('OK')
    exit()


charm.start(main)
