"""§10: objects with operators, strings with max/min, tuples of strings, sets, None in gather, bools stay bools."""
from functools import total_ordering

import numpy as np
from charm4py import Chare, Group, Reducer, charm


@total_ordering
class Money:
    def __init__(self, v):
        self.v = v

    def __add__(self, o):
        return Money(self.v + (o if o == 0 and isinstance(o, int) else o.v))

    __radd__ = __add__

    def __mul__(self, o):
        return Money(self.v * (o if isinstance(o, int) else o.v))

    __rmul__ = __mul__

    def __eq__(self, o):
        return isinstance(o, Money) and self.v == o.v

    def __lt__(self, o):
        return self.v < o.v


class C(Chare):
    def go(self, name, data, cb):
        self.contribute(data[self.thisIndex], getattr(Reducer, name), cb)


def main(args):
    n = charm.numPes()
    g = Group(C)

    def red(name, data):
        f = charm.Future()
        g.go(name, data, f)
        return f.get()

    assert red('sum', [Money(i) for i in range(n)]) == Money(sum(range(n)))
    assert red('max', [Money(i) for i in range(n)]) == Money(n - 1)
    assert red('min', [Money(i) for i in range(n)]) == Money(0)
    words = ['pear', 'apple', 'zoo', 'fig', 'melon', 'a', 'kiwi'][:n]
    assert red('max', words) == max(words)
    assert red('min', words) == min(words)
    pairs = [(w, i) for i, w in enumerate(words)]
    assert red('gather', pairs) == pairs
    assert red('gather', [None] * n) == [None] * n
    assert red('gather', [{'i': i} for i in range(n)]) == [{'i': i} for i in range(n)]
    for name in ('logical_and', 'logical_or', 'logical_xor'):
        assert type(red(name, [True] * n)) in (bool, np.bool_), name
    assert red('logical_xor', [True] * n) == (n % 2 == 1)
    assert red('logical_and', [i != 0 for i in range(n)]) == False
    assert red('logical_or', [i == n - 1 for i in range(n)]) == True
    r = red('logical_and', [[True, i % 2 == 0, False] for i in range(n)])
    assert list(r) == [True, n == 1, False], r
    assert red('sum', [2 ** 62] * n) == n * 2 ** 62
    assert red('product', [2 ** 40] * n) == 2 ** (40 * n)
    assert red('max', [-2 ** 70 * (i + 1) for i in range(n)]) == -2 ** 70
    assert red('sum', [np.int32(5)] * n) == 5 * n
    assert red('sum', [np.array([i], dtype=np.int16) for i in range(n)])[0] == sum(range(n))
    assert abs(red('sum', [complex(i, 1) for i in range(n)]) - complex(sum(range(n)), n)) < 1e-12
    z = red('sum', [np.array([1j * i, 1]) for i in range(n)])
    assert z.dtype == complex and z[1] == n
    print('OK')
    exit()


charm.start(main)
