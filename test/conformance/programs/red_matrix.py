"""§10: every built-in reducer with every kind of data, to a future; from groups and arrays; results against Python's."""
import array
from functools import reduce as fold

import numpy as np
from charm4py import Array, Chare, Group, Reducer, charm


def values(kind, i):
    if kind == 'int':
        return i + 1
    if kind == 'big':
        return 10 ** 30 + i
    if kind == 'float':
        return i + 0.5
    if kind == 'mixed':
        return i if i % 2 else i + 0.25
    if kind == 'bool':
        return i % 3 == 0
    if kind == 'list':
        return [i, i + 1, 2 * i]
    if kind == 'flist':
        return [i * 0.5, 1.5]
    if kind == 'tuple':
        return (i, 10 - i)
    if kind == 'array':
        return array.array('d', [i, -i, 3])
    if kind == 'np_int32':
        return np.arange(4, dtype=np.int32) + i
    if kind == 'np_f64':
        return np.full(3, i + 0.5)
    if kind == 'np_f32':
        return np.full(3, i, dtype=np.float32)
    if kind == 'np_bool':
        return np.array([i % 2 == 0, True, False])
    if kind == 'np_scalar':
        return np.float64(i + 1)
    if kind == 'np_2d':
        return np.arange(6).reshape(2, 3) * i
    if kind == 'np_u8':
        return np.array([i % 5, 1], dtype=np.uint8)
    if kind == 'np_one':
        return np.array([i + 2])


KINDS = ['int', 'big', 'float', 'mixed', 'bool', 'list', 'flist', 'tuple', 'array', 'np_int32', 'np_f64', 'np_f32',
         'np_bool', 'np_scalar', 'np_2d', 'np_u8', 'np_one']
ORDER = {'sum': np.add, 'product': np.multiply, 'max': np.maximum, 'min': np.minimum,
         'logical_and': np.logical_and, 'logical_or': np.logical_or, 'logical_xor': np.logical_xor}
SCALAR = {'sum': lambda a, b: a + b, 'product': lambda a, b: a * b, 'max': max, 'min': min,
          'logical_and': lambda a, b: bool(a) and bool(b), 'logical_or': lambda a, b: bool(a) or bool(b),
          'logical_xor': lambda a, b: bool(a) != bool(b)}


class C(Chare):
    def go(self, name, kind, cb):
        i = self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0]
        self.contribute(values(kind, i), getattr(Reducer, name), cb)


def check(name, kind, n, got):
    vals = [values(kind, i) for i in range(n)]
    if not hasattr(vals[0], '__len__'):
        want = fold(SCALAR[name], vals)
        if name.startswith('logical'):
            want = bool(want) if n > 1 else bool(vals[0])
            assert bool(got) == want, (name, kind, n, got, want)
        else:
            assert got == want or abs(got - want) <= 1e-9 * abs(want), (name, kind, n, got, want)
    else:
        vals = [np.asarray(v) for v in vals]
        if kind == 'np_bool' and name in ('sum', 'product'):
            vals = [v.astype(int) for v in vals]  # counted, as numpy's own sum does
        want = vals[0] if n == 1 else fold(ORDER[name], vals)
        assert np.shape(got) == np.shape(want), (name, kind, n, got, want)
        assert np.allclose(np.asarray(got, dtype=float), np.asarray(want, dtype=float)) or (
            n == 1 and name.startswith('logical') and (np.asarray(got, bool) == want.astype(bool)).all()), (
            name, kind, n, got, want)


def main(args):
    g = Group(C)
    n = charm.numPes()
    for count, coll in ((n, g), (1, Array(C, 1)), (5, Array(C, 5))):
        for kind in KINDS:
            fs = [(name, charm.Future()) for name in ORDER]
            for name, f in fs:
                coll.go(name, kind, f)
            for name, f in fs:
                check(name, kind, count, f.get())
    print('OK')
    exit()


charm.start(main)
