"""§12: errors of tasks: single, chunk, multi_future, Task, submit; bad parameters; suspending plain functions; reuse."""
from charm4py import charm, coro


class Custom(Exception):
    pass


def inv(x):
    if x == 13:
        raise Custom('thirteen')
    return 1.0 / x


def suspends(x):
    return charm.pool.map(abs, [x])


@coro
def fine(x):
    return charm.pool.map(abs, [x])[0]


def caught(exc, f):
    try:
        f()
    except exc as e:
        return e
    raise RuntimeError('no %s' % exc)


def main(args):
    from charm4py import charm as c
    pool = c.pool
    err = type(caught(Exception, lambda: c.awaitCreation(3)))
    assert err.__name__ == 'Charm4PyError'
    for chunksize in (1, 3, 50):
        e = caught(ZeroDivisionError, lambda: pool.map(inv, [1, 2, 0, 4], chunksize=chunksize))
        e = caught(Custom, lambda: pool.map_async(inv, range(1, 40), chunksize=chunksize).get())
        assert str(e) == 'thirteen'
        fs = pool.map_async(inv, range(1, 40), chunksize=chunksize, multi_future=True)
        failed = 0
        for f in fs:
            try:
                f.get()
            except Custom:
                failed += 1
        assert failed >= 1
        assert pool.map(inv, range(1, 10), chunksize=chunksize) == [1 / x for x in range(1, 10)]
    caught(Custom, lambda: pool.Task(inv, [13], ret=True).get())
    caught(Custom, lambda: pool.Task(inv, [13], awaitable=True).get())
    caught(Custom, lambda: pool.submit([(inv, 1), (inv, 13)]))
    e = caught(err, lambda: pool.map(suspends, [1, 2]))
    assert 'suspends' in str(e) and 'coro' in str(e), e
    assert pool.map(fine, range(-5, 0)) == [5, 4, 3, 2, 1]
    for bad in (lambda: pool.map(inv, [1], chunksize=0), lambda: pool.map(inv, [1], chunksize=-1),
                lambda: pool.map(inv, [1], ncores=0), lambda: pool.map(3, [1]), lambda: pool.map(inv, 5),
                lambda: pool.map(inv, [1], nosuch=3), lambda: pool.map()):
        e = caught((TypeError, ValueError, err), bad)
        assert not isinstance(e, AssertionError)
    assert pool.map(inv, [1, 2], ncores=1000) == [1, 0.5]
    print('OK')
    exit()


charm.start(main)
