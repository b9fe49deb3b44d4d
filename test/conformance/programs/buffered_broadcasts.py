"""Broadcasts in any order are delivered in that of their iterations. Row: §8."""

from charm4py import charm, Chare, Array, Reducer, Future, when


class A(Chare):

    def __init__(self):
        self.i = 0
        self.l = []

    @when("self.i == it")
    def step(self, it, val):
        self.l.append(val)
        self.i += 1
        if it == 19:
            self.reduce(self.cb, tuple(self.l), Reducer.gather)

    def cbset(self, cb):
        self.cb = cb


def main(args):
    a = Array(A, 6)
    f = Future()
    a.cbset(f, awaitable=True).get()
    import random

    o = list(range(20))
    random.Random(1).shuffle(o)
    for i in o:
        a.step(i, i * i)
    r = f.get()
    assert (
        r == [tuple((i * i for i in range(20)))] * 6 or [tuple(x) for x in r] == [tuple((i * i for i in range(20)))] * 6
    )
    print("OK")
    exit()


charm.start(main)
