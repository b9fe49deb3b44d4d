"""Coroutines suspend in helpers, generators, context managers and comprehensions. Row: §8."""

from charm4py import charm, Chare, Group, coro
import contextlib


def helper(p, x):
    return p.echo(x, ret=True).get()


class A(Chare):

    def echo(self, x):
        return x

    @coro
    def local(self, p):
        return helper(p, 1) + self.local2(p)

    @coro
    def local2(self, p):
        return sum(self.gen(p))

    def gen(self, p):
        for i in range(5):
            yield helper(p, i)

    @contextlib.contextmanager
    def ctx(self, p):
        yield helper(p, 5)

    @coro
    def withctx(self, p):
        try:
            with self.ctx(p) as v:
                raise ValueError(helper(p, v))
        except ValueError as e:
            w = helper(p, 3)
            return e.args[0] + w
        finally:
            helper(p, 1)

    @coro
    def comp(self, p):
        return (
            [helper(p, i) for i in range(3)],
            {i: helper(p, i) for i in range(2)},
            sorted([3, 1], key=lambda i: helper(p, i)),
        )


def main(args):
    n = charm.numPes()
    g = Group(A)
    for i in range(n):
        o = g[(i + 1) % n]
        assert g[i].local(o, ret=1).get() == 11
        assert g[i].withctx(o, ret=1).get() == 8
        assert g[i].comp(o, ret=1).get() == ([0, 1, 2], {0: 0, 1: 1}, [1, 3])
    print("OK")
    exit()


charm.start(main)
