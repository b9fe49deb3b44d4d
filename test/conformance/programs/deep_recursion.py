"""Coroutines suspend deep in recursion, and may run out of it. Row: §8."""

import sys
from charm4py import charm, Chare, Group, coro


class A(Chare):

    @coro
    def deep(self, n):

        def r(k):
            if k == 0:
                charm.sleep(0.001)
                return 0
            return 1 + r(k - 1)

        return r(n)

    @coro
    def inf(self):

        def r():
            return r() + 1

        try:
            r()
        except RecursionError:
            return "rec"


def main(args):
    g = Group(A)
    assert g.deep(800, ret=1).get() == [800] * charm.numPes()
    assert g.inf(ret=1).get() == ["rec"] * charm.numPes()
    sys.setrecursionlimit(20000)

    def r(k):
        return 0 if k == 0 else 1 + r(k - 1)

    assert r(9000) == 9000
    print("OK")
    exit()


charm.start(main)
