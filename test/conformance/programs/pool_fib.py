"""§12 §17: fibonacci by nested maps and by a tree of Tasks; nested maps more than PEs deep; grain."""
from charm4py import charm, coro


@coro
def fib(n):
    if n < 2:
        return n
    return sum(charm.pool.map(fib, [n - 1, n - 2]))


def seq(n):
    return n if n < 2 else seq(n - 1) + seq(n - 2)


@coro
def fib_task(n, grain):
    if n <= grain:
        return seq(n)
    a = charm.pool.Task(fib_task, [n - 1, grain], ret=True)
    b = charm.pool.Task(fib_task, [n - 2, grain], ret=True)
    return a.get() + b.get()


@coro
def deep(n):
    return 0 if n == 0 else 1 + charm.pool.map(deep, [n - 1])[0]


@coro
def wide(n):
    return sum(charm.pool.map(inner, range(n)))


@coro
def inner(k):
    return sum(charm.pool.map_async(abs, range(-k, 1), chunksize=2).get())


def main(args):
    assert fib(12) == 144
    assert charm.pool.map(fib, [10, 5, 8], chunksize=2) == [55, 5, 21]
    assert charm.pool.Task(fib_task, [18, 8], ret=True).get() == 2584
    assert charm.pool.map(deep, [20])[0] == 20
    assert charm.pool.map(wide, [5, 10], chunksize=2) == [sum(k * (k + 1) // 2 for k in range(n)) for n in (5, 10)]
    print('OK')
    exit()


charm.start(main)
