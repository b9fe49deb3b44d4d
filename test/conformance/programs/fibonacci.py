"""Chares whose constructors create chares and wait for them. Rows: §4.1, §7."""

from charm4py import charm, Chare, coro, Future


class Fib(Chare):

    @coro
    def __init__(self, n, result):
        if n < 2:
            result.send(n)
        else:
            f = Future(2)
            Chare(Fib, args=[n - 1, f])
            Chare(Fib, args=[n - 2, f])
            result.send(sum(f.get()))


def main(args):
    f = Future()
    Chare(Fib, args=[12, f])
    assert f.get() == 144
    print("OK")
    exit()


charm.start(main)
