"""Jobs and tasks of every form, nested, with exceptions. Rows: §12, §0 pool."""

from charm4py import charm, Chare, Group, coro
import numpy as np


def sq(x):
    return x * x


def add(a, b):
    return a + b


def fail(x):
    if x == 3:
        raise ValueError("three")
    return x


def none(x):
    pass


@coro
def fib(n):
    if n < 2:
        return n
    return sum(charm.pool.map(fib, [n - 1, n - 2]))


@coro
def fibt(n):
    if n < 2:
        return n
    a = charm.pool.Task(fibt, [n - 1], ret=True)
    b = charm.pool.Task(fibt, [n - 2], ret=True)
    return a.get() + b.get()


def plainsus(x):
    return charm.pool.map(sq, [x])


def arr(x):
    return x.sum()


class A(Chare):

    @coro
    def use(self, k):
        return charm.pool.map(sq, range(k))

    def cb(self, r):
        pass


def main(args):
    n = charm.numPes()
    assert charm.pool.map(sq, range(100)) == [x * x for x in range(100)]
    assert charm.pool.map(sq, range(100), chunksize=7) == [x * x for x in range(100)]
    assert charm.pool.map(sq, (x for x in range(10)), chunksize=3, ncores=1) == [x * x for x in range(10)]
    assert charm.pool.map(abs, [-1, 2]) == [1, 2]
    assert charm.pool.map(sq, []) == []
    f = charm.pool.map_async(sq, [1, 2, 3])
    assert f.get() == [1, 4, 9]
    fs = charm.pool.map_async(sq, range(20), multi_future=True)
    assert (
        len(fs) == 20
        and [f.get() for f in charm.iwait(fs)].__len__() == 20
        and ([f.get() for f in fs] == [x * x for x in range(20)])
    )
    fs = charm.pool.map_async(sq, range(20), chunksize=6, multi_future=True)
    assert [f.get() for f in fs] == [x * x for x in range(20)]
    assert charm.pool.Task(add, [1, 2], ret=True).get() == 3
    assert charm.pool.Task(add, (1, 2), awaitable=True).get() in (None, 3)
    assert charm.pool.Task(add, (1, 2)) is None
    assert charm.pool.map(none, range(5)) == [None] * 5
    try:
        charm.pool.map(fail, range(6))
        assert 0
    except ValueError as e:
        assert str(e) == "three"
        assert e.remote_stacktrace
    fs = charm.pool.map_async(fail, range(6), multi_future=True)
    bad = 0
    for f in fs:
        try:
            f.get()
        except ValueError:
            bad += 1
    assert bad >= 1
    assert charm.pool.map(fib, [10]) == [55]
    assert charm.pool.Task(fibt, [9], ret=True).get() == 34
    try:
        charm.pool.map(plainsus, [1])
        assert 0
    except Exception as e:
        assert "plainsus" in str(e), e
    g = Group(A)
    assert g.use(20, ret=True).get() == [[x * x for x in range(20)]] * n
    assert charm.pool.map(arr, [np.ones(k) for k in range(10)]) == list(range(10))
    assert charm.pool.submit([(sq, 3), (abs, -4)]) == [9, 4]
    assert charm.pool.submit_async([(sq, 3), (abs, -4)]).get() == [9, 4]
    big = charm.pool.map(sq, range(20000), chunksize=100)
    assert big[-1] == 19999**2
    for bad in (lambda: charm.pool.map(sq, [1], ncores=0), lambda: charm.pool.map(sq, [1], chunksize=0)):
        try:
            bad()
            assert 0, "no error"
        except ValueError:
            pass
    charm.pool.Task(none, [1])
    charm.waitQD()
    assert charm.pool.map(sq, [2], ncores=1000) == [4]
    print("OK")
    exit()


charm.start(main)
