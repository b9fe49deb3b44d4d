"""Bases, mixins, decorators, static and class methods, properties. Rows: §4.1, §8."""

import functools
from charm4py import charm, Chare, Group, Array, coro, when


def logged(f):

    @functools.wraps(f)
    def w(self, *a, **k):
        self.calls += 1
        return f(self, *a, **k)

    return w


class Mixin:

    def mix(self):
        return ("mix", self.thisIndex)


class Base(Chare):
    cls_attr = [1]

    def __init__(self, x):
        super().__init__()
        self.x = x
        self.calls = 0
        self.on = False

    @coro
    def c(self):
        charm.sleep(0.001)
        return "base"

    def over(self):
        return "base"

    @logged
    def deco(self, a, b=2):
        return (a, b, self.calls)

    @staticmethod
    def st(a):
        return a * 2

    @classmethod
    def cm(cls):
        return cls.__name__

    @property
    def prop(self):
        return "p"

    @when("self.on")
    def w(self):
        return "w"

    def seton(self):
        self.on = True

    def _under(self):
        return "u"


class D(Base, Mixin):

    def __init__(self, x, y):
        super().__init__(x)
        self.y = y

    def over(self):
        return super().over() + "d"

    def prop2(self):
        return self.prop

    def __call__(self):
        return "call"

    def xs(self):
        return (self.x, self.y)

    lam = lambda self, q: q + 1


def main(args):
    a = Array(D, 3, args=[1, 2])
    e = a[2]
    assert e.mix(ret=1).get() == ("mix", (2,))
    assert e.c(ret=1).get() == "base"
    assert e.over(ret=1).get() == "based"
    assert e.deco(1, ret=1).get() == (1, 2, 1), e.deco(1, ret=1).get()
    assert e.deco(1, b=5, ret=1).get() == (1, 5, 2)
    assert e.st(4, ret=1).get() == 8
    assert e.cm(ret=1).get() == "D"
    f = a.w(ret=1)
    a.seton()
    assert f.get() == ["w"] * 3
    assert e._under(ret=1).get() == "u"
    assert e.prop2(ret=1).get() == "p"
    assert e.lam(1, ret=1).get() == 2
    b = Group(Base, args=[7])
    assert b.over(ret=1).get() == ["base"] * charm.numPes()
    kw = Array(D, 2, args=[1, 2])
    assert kw.xs(ret=1).get() == [(1, 2)] * 2
    print("OK")
    exit()


charm.start(main)
