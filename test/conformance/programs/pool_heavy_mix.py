"""§12: chunks with failing parts in several jobs at once, tasks of tasks of tasks, results in order under random times."""
import random
import time

from charm4py import Chare, Group, charm, coro


def jitter(x):
    time.sleep(random.random() * 0.002)
    return x


def maybe(x):
    if x % 17 == 16:
        raise ValueError('no %d' % x)
    return -x


@coro
def tree(depth, width):
    if depth == 0:
        return 1
    if depth % 2:
        return sum(charm.pool.map(sub, [(depth - 1, width)] * width))
    fs = [charm.pool.Task(tree, [depth - 1, width], ret=True) for _ in range(width)]
    return sum(f.get() for f in charm.iwait(fs))


@coro
def sub(a):
    return tree(*a)


@coro
def with_reduce(g):
    return g.total(ret=True).get()


class G(Chare):
    @coro
    def total(self):
        return sum(charm.pool.map(jitter, range(5), chunksize=2))


@coro
def catches(x):
    try:
        charm.pool.map(maybe, range(x, x + 20), chunksize=3)
    except ValueError as e:
        return str(e).startswith('no ')
    return False


def main(args):
    jobs = [charm.pool.map_async(jitter, range(k, k + 40), chunksize=k % 5 + 1) for k in range(8)]
    bad = [charm.pool.map_async(maybe, range(k, 60)) for k in range(4)]
    for k, j in enumerate(jobs):
        assert j.get() == list(range(k, k + 40))
    for b in bad:
        try:
            b.get()
            raise RuntimeError
        except ValueError:
            pass
    assert charm.pool.Task(tree, [4, 3], ret=True).get() == 81
    assert charm.pool.map(sub, [(3, 2), (2, 3), (0, 9)]) == [8, 9, 1]
    g = Group(G)
    assert charm.pool.map(with_reduce, [g[i % charm.numPes()] for i in range(6)]) == [10] * 6
    assert charm.pool.map(catches, range(10)) == [True] * 10
    fs = charm.pool.map_async(maybe, range(40), multi_future=True, chunksize=1)
    good = 0
    for i, f in enumerate(fs):
        try:
            assert f.get() == -i
            good += 1
        except ValueError as e:
            assert str(e) in ('no 16', 'no 33')
    assert good <= 38
    print('OK')
    exit()


charm.start(main)
