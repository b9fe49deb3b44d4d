"""Two allreduces per iteration, one of them logical. Rows: §4.3, §10."""

from charm4py import charm, Chare, Group, Reducer, coro
import numpy as np


class R(Chare):

    def __init__(self, A, b):
        n = len(b)
        P = charm.numPes()
        self.s = slice(self.thisIndex * n // P, (self.thisIndex + 1) * n // P)
        self.A, self.b = (A[self.s], b)
        self.n = n

    @coro
    def solve(self, iters):
        x = np.zeros(self.n)
        r = self.b.copy()
        p = r.copy()
        rs = r @ r
        for _ in range(iters):
            part = np.zeros(self.n)
            part[self.s] = self.A @ p
            Ap = self.allreduce(part, Reducer.sum).get()
            al = rs / (p @ Ap)
            x += al * p
            r -= al * Ap
            rn = r @ r
            if self.allreduce(bool(rn < 1e-20), Reducer.logical_and).get():
                break
            p = r + rn / rs * p
            rs = rn
        return x


def main(args):
    n = 40
    rng = np.random.default_rng(2)
    M = rng.random((n, n))
    A = M @ M.T + n * np.eye(n)
    b = rng.random(n)
    for x in Group(R, args=[A, b]).solve(80, ret=True).get():
        np.testing.assert_allclose(A @ x, b)
    print("OK")
    exit()


charm.start(main)
