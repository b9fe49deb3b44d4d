"""§12: map, map_async, chunks, ncores, multi_future, submit, generators, lambdas, numpy, None results, empty input."""
import numpy as np
from charm4py import charm, coro


def square(x):
    return x * x


def nothing(x):
    pass


def vec(a):
    return a * 2


def where(x):
    return charm.myPe()


def add(a, b=10):
    return a + b


class Callable:
    def __init__(self, k):
        self.k = k

    def __call__(self, x):
        return x * self.k

    def method(self, x):
        return x + self.k


def main(args):
    pool = charm.pool
    want = [x * x for x in range(100)]
    assert pool.map(square, range(100)) == want
    for chunksize in (1, 2, 7, 100, 1000):
        assert pool.map(square, range(100), chunksize=chunksize) == want
        assert pool.map_async(square, range(100), chunksize=chunksize).get() == want
        fs = pool.map_async(square, range(100), chunksize=chunksize, multi_future=True)
        assert len(fs) == 100 and [f.get() for f in fs] == want
    for ncores in (-1, 1, charm.numPes()):
        assert pool.map(square, range(100), ncores=ncores) == want
    assert pool.map(square, range(10), 3, 1) == want[:10]
    assert pool.map(square, (x for x in range(20)), chunksize=3) == want[:20]
    assert pool.map(square, iter([])) == []
    assert pool.map(square, []) == []
    assert pool.map_async(square, []).get() == []
    assert pool.map_async(square, [], multi_future=True) == []
    assert pool.map(square, {1, 2, 3}) == [1, 4, 9]
    assert pool.map(nothing, range(30), chunksize=4) == [None] * 30
    assert pool.map(lambda x: x + 1, range(30)) == list(range(1, 31))
    k = 5
    assert pool.map(lambda x: x + k, range(30), chunksize=10) == [x + 5 for x in range(30)]
    assert pool.map(Callable(3), range(10)) == [3 * x for x in range(10)]
    assert pool.map(Callable(3).method, range(10)) == [3 + x for x in range(10)]
    assert pool.map(abs, range(-5, 5)) == [abs(x) for x in range(-5, 5)]
    assert pool.map(str.upper, ['a', 'b']) == ['A', 'B']
    for a, b in zip(pool.map(vec, [np.arange(i) for i in range(20)], chunksize=3), range(20)):
        assert (a == np.arange(b) * 2).all()
    assert sum(pool.map(square, np.arange(10))) == 285
    assert set(pool.map(where, range(200))) <= set(range(charm.numPes()))
    assert pool.submit([(square, 3), (vec, np.float64(2)), (len, 'abc')]) == [9, 4.0, 3]
    assert pool.submit([(square, i) for i in range(50)], chunksize=8) == want[:50]
    assert pool.submit_async([(square, i) for i in range(50)], chunksize=8).get() == want[:50]
    fs = pool.submit_async([(square, i) for i in range(9)], chunksize=2, multi_future=True)
    assert [f.get() for f in fs] == want[:9]
    assert pool.Task(add, [3], ret=True).get() == 13
    assert pool.Task(add, (3, 4), ret=True).get() == 7
    pool.Task(add, [1, 2], awaitable=True).get()
    assert pool.Task(add, [1, 2]) is None
    print('OK')
    exit()


charm.start(main)
