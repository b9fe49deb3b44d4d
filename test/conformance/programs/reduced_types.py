"""Reductions of large ints, strings, objects, bools and all kinds of arrays. Rows: §0 numbers, §10."""

from charm4py import charm, Chare, Array, Future, Reducer
import numpy as np


class V:

    def __init__(self, v):
        self.v = v

    def __add__(self, o):
        return V(self.v + o.v)

    def __radd__(self, o):
        return V(self.v + o)

    def __lt__(self, o):
        return self.v < o.v

    def __gt__(self, o):
        return self.v > o.v

    def __mul__(self, o):
        return V(self.v * o.v)

    def __rmul__(self, o):
        return V(self.v * o)


class A(Chare):

    def r(self, k, red, cb):
        i = self.thisIndex[0]
        d = {
            "huge": 2**70 + i,
            "str": "abc"[i % 3],
            "v": V(i),
            "c": 1j * i,
            "bools": [i > 0, True],
            "blist": [True, i == 1],
            "mix": [1, i * 0.5],
            "f16": np.full((2, 3), i, np.float16),
            "cplx": np.full(2, 1j),
            "u8": np.full(4, 100, np.uint8),
            "i0": np.array(i),
            "set": {i},
            "npb": np.array([i == 0, False]),
            "npi": np.int32(i),
            "emp": np.zeros((0, 2)),
            "neg": -i,
            "2d1": np.array([[i]]),
        }[k]
        self.reduce(cb, d, getattr(Reducer, red))


def main(args):
    a = Array(A, 6)

    def R(k, r):
        f = Future()
        a.r(k, r, f)
        return f.get()

    assert R("huge", "sum") == 6 * 2**70 + 15
    assert R("huge", "max") == 2**70 + 5
    assert R("str", "max") == "c" and R("str", "min") == "a"
    assert R("v", "sum").v == 15 and R("v", "max").v == 5 and (R("v", "min").v == 0)
    assert R("c", "sum") == 15j
    assert list(R("bools", "logical_and")) == [False, True]
    assert list(R("bools", "logical_or")) == [True, True]
    assert list(R("blist", "logical_xor")) == [False, True]
    assert list(R("mix", "sum")) == [6, 7.5]
    r = R("f16", "sum")
    assert r.dtype == np.float16 and r.shape == (2, 3) and (r == 15).all()
    assert (R("cplx", "product") == -1).all()
    r = R("u8", "sum")
    r = R("i0", "max")
    assert R("npb", "logical_or").tolist() == [True, False]
    r = R("npi", "sum")
    assert r == 15
    r = R("emp", "sum")
    assert r.shape == (0, 2)
    assert R("neg", "min") == -5
    r = R("2d1", "sum")
    assert r.shape == (1, 1)
    assert R("set", "gather") == [{i} for i in range(6)]
    print("OK")
    exit()


charm.start(main)
