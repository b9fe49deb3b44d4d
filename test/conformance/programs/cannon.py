"""Cannon's matrix multiplication over channels on a 2-D array. Rows: §11, §6.2."""

from charm4py import charm, Chare, Array, Channel, coro
import numpy as np


class Block(Chare):

    def __init__(self, q, n):
        self.q, self.n = (q, n)
        i, j = self.thisIndex
        self.left = Channel(self, remote=self.thisProxy[i, (j - 1) % q])
        self.right = Channel(self, remote=self.thisProxy[i, (j + 1) % q]) if q > 1 else self.left
        self.up = Channel(self, remote=self.thisProxy[(i - 1) % q, j])
        self.down = Channel(self, remote=self.thisProxy[(i + 1) % q, j])

    @coro
    def multiply(self, A, B):
        q, n = (self.q, self.n)
        i, j = self.thisIndex
        k = (i + j) % q
        a = A[i * n : (i + 1) * n, k * n : (k + 1) * n]
        b = B[k * n : (k + 1) * n, j * n : (j + 1) * n]
        c = np.zeros((n, n))
        for step in range(q):
            c += a @ b
            self.left.send(a)
            self.up.send(b)
            a = self.right.recv()
            b = self.down.recv()
        return c


def main(args):
    q, n = (3, 20)
    rng = np.random.default_rng(1)
    A, B = (rng.random((q * n, q * n)), rng.random((q * n, q * n)))
    arr = Array(Block, (q, q), args=[q, n])
    r = arr.multiply(A, np.asfortranarray(B), ret=True).get()
    C = np.block([[r[i * q + j] for j in range(q)] for i in range(q)])
    np.testing.assert_allclose(C, A @ B)
    print("OK")
    exit()


charm.start(main)
