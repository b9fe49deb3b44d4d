"""Functions, partials, bound methods and classes as arguments. Row: §5."""

import functools, operator, re, math
import numpy as np
from charm4py import charm, Chare, Group


def apply2(f, x):
    return f(f(x))


class Cfg:

    def __init__(self, a):
        self.a = a

    def meth(self, x):
        return self.a + x

    def __eq__(self, o):
        return self.a == o.a

    __hash__ = None


class A(Chare):

    def ap(self, f, *a):
        return f(*a)

    def typ(self, x):
        return type(x).__name__


def main(args):
    p = Group(A)[charm.numPes() - 1]
    assert p.ap(apply2, math.sqrt, 16, ret=1).get() == 2
    assert p.ap(functools.partial(operator.add, 5), 2, ret=1).get() == 7
    assert p.ap(Cfg(3).meth, 4, ret=1).get() == 7
    assert p.ap(Cfg, 4, ret=1).get() == Cfg(4)
    assert p.ap(np.add, np.ones(2), 1, ret=1).get().tolist() == [2, 2]
    assert p.ap(re.compile("a+").findall, "baab", ret=1).get() == ["aa"]
    assert p.ap(str.upper, "x", ret=1).get() == "X"
    assert p.ap(lambda v: v + 1, 2, ret=1).get() == 3
    print("OK")
    exit()


charm.start(main)
