"""§10: numpy dtypes and shapes survive; 0-d, empty, strided, Fortran, structured max; arrays of one element; float16."""
import numpy as np
from charm4py import Array, Chare, Group, Reducer, charm


def data(kind, i):
    if kind == '0d':
        return np.array(i + 1.5)
    if kind == 'empty':
        return np.zeros((0, 3), dtype=np.int16)
    if kind == 'strided':
        return np.arange(20)[::3] * (i + 1)
    if kind == 'fortran':
        return np.asfortranarray(np.arange(12.).reshape(3, 4) + i)
    if kind == 'f16':
        return np.array([1, i], dtype=np.float16)
    if kind == 'c64':
        return np.array([1 + 1j * i], dtype=np.complex64)
    if kind == '3d':
        return np.full((2, 1, 3), i, dtype=np.uint16)
    if kind == 'i64':
        return np.array([[i]], dtype=np.int64)
    if kind == 'bool2d':
        return np.array([[i % 2 == 0, True]])
    if kind == 'objects':
        a = np.empty(2, dtype=object)
        a[:] = [10 ** 25, i]
        return a


class C(Chare):
    def go(self, kind, name, cb):
        self.contribute(data(kind, self.thisIndex), getattr(Reducer, name), cb)


def main(args):
    n = charm.numPes()
    g = Group(C)
    for kind in ('0d', 'empty', 'strided', 'fortran', 'f16', 'c64', '3d', 'i64', 'objects'):
        for name, op in (('sum', np.add), ('max', np.maximum), ('min', np.minimum)):
            f = charm.Future()
            g.go(kind, name, f)
            got = f.get()
            want = data(kind, 0)
            for i in range(1, n):
                want = op(want, data(kind, i))
            assert np.shape(got) == np.shape(want), (kind, name, got)
            assert np.asarray(got).dtype == np.asarray(want).dtype, (kind, name, got.dtype, want.dtype)
            assert (np.asarray(got) == want).all(), (kind, name, got, want)
    for name, op in (('logical_and', np.logical_and), ('logical_or', np.logical_or), ('logical_xor', np.logical_xor)):
        f = charm.Future()
        g.go('bool2d', name, f)
        got, want = f.get(), data('bool2d', 0)
        for i in range(1, n):
            want = op(want, data('bool2d', i))
        assert got.dtype == bool and got.shape == (1, 2) and (got == want).all()
    print('OK')
    exit()


charm.start(main)
