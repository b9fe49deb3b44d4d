"""§12 §0: arguments of tasks are copies, also on one PE; results too; big arrays; the caller goes on meanwhile."""
import numpy as np
from charm4py import charm


def scribble(lst):
    lst.append(99)
    return lst


def fill(a):
    a[:] = 7
    return a.sum()


def two(a, d):
    d['k'] = a[0]
    return d


def main(args):
    data = [[i] for i in range(10)]
    got = charm.pool.map(scribble, data)
    assert data == [[i] for i in range(10)], data
    assert got == [[i, 99] for i in range(10)]
    arrays = [np.arange(1000.) for _ in range(8)]
    sums = charm.pool.map(fill, arrays, chunksize=3)
    assert sums == [7000.0] * 8
    assert all((a == np.arange(1000.)).all() for a in arrays)
    d = {}
    assert charm.pool.Task(two, [[1, 2], d], ret=True).get() == {'k': 1}
    assert d == {}
    big = np.ones(3_000_000)
    assert charm.pool.map(np.sum, [big, big * 2]) == [3e6, 6e6]
    a = [1]
    f = charm.pool.map_async(scribble, [a])
    a.append('changed after')
    assert f.get() in ([[1, 99]],), f.get()
    print('OK')
    exit()


charm.start(main)
