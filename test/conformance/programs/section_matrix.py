"""§9, §5.1: a matrix in blocks times a vector: columns are sections that get their part of the vector, rows sections that sum."""
import numpy as np
from charm4py import Array, Chare, Reducer, charm, coro

N, SIZE = 4, 3


class Block(Chare):
    def __init__(self):
        i, j = self.thisIndex
        self.a = np.arange(SIZE * SIZE).reshape(SIZE, SIZE) + 10 * i - 7 * j

    def multiply(self, x, row, future):
        self.reduce(future, self.a @ x, Reducer.sum, row)

    def multiply_all(self, x, rows, futures):
        i, j = self.thisIndex
        self.contribute(self.a @ x[j * SIZE:(j + 1) * SIZE], Reducer.sum, futures[i], rows[i])

    @coro
    def norm(self, column):
        """The largest sum of magnitudes of a column."""
        return self.allreduce(np.abs(self.a).sum(axis=0), Reducer.sum, column).get().max()


def main(args):
    blocks = Array(Block, (N, N))
    rows = [blocks[i:i + 1, 0:N] for i in range(N)]
    columns = charm.split(blocks, N, lambda block: block.thisIndex[1])
    whole = np.block([[np.arange(SIZE * SIZE).reshape(SIZE, SIZE) + 10 * i - 7 * j for j in range(N)] for i in range(N)])
    for k in range(5):
        x = np.arange(N * SIZE) * (k + 1)
        futures = [charm.Future() for _ in range(N)]
        blocks.multiply_all(x, rows, futures)
        got = np.concatenate([f.get() for f in futures])
        assert np.array_equal(got, whole @ x), got
    norms = [c.norm(c, ret=True) for c in columns]
    for j, f in enumerate(norms):
        want = np.abs(whole[:, j * SIZE:(j + 1) * SIZE]).sum(axis=0).max()
        assert f.get() == [want] * N
    corner = charm.split(rows[0], 1, elems=[(0, 0), (0, 1)])[0]
    future = charm.Future()
    corner.multiply(np.ones(SIZE, dtype=int), corner, future)
    assert np.array_equal(future.get(), whole[:SIZE, :2 * SIZE].sum(axis=1))
    print('OK', flush=True)
    charm.exit()


charm.start(main)
