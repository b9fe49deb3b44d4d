"""Every reducer, own ones with pre and post, and thirty at once. Row: §10."""

from charm4py import charm, Chare, Group, Array, Future, Reducer
import numpy as np, array


def mysum(contribs):
    return sum(contribs)


def minmax(contribs):
    return (min((c[0] for c in contribs)), max((c[1] for c in contribs)))


def pre(data, contributor):
    return (data, data)


def post(data):
    return {"min": data[0], "max": data[1]}


Reducer.addReducer(mysum)
Reducer.addReducer(minmax, pre=pre, post=post)


class R(Chare):

    def do(self, how, cb):
        i = self.thisIndex if isinstance(self.thisIndex, int) else self.thisIndex[0] * 10 + self.thisIndex[1]
        data = {
            "int": i + 1,
            "float": i + 0.5,
            "list": [i, 1, 2],
            "np": np.ones((2, 2)) * i,
            "bool": i % 2 == 0,
            "np1": np.array([i]),
            "tup": (i, 2.5),
            "arr": array.array("i", [i, i]),
            "npf32": np.float32(1.5),
        }
        kind, red = how
        self.reduce(cb, data[kind], getattr(Reducer, red))

    def gat(self, cb):
        self.contribute(self.thisIndex, Reducer.gather, cb)

    def nop(self, cb):
        self.reduce(cb)


def main(args):
    a = Array(R, (3, 4))
    ii = [x * 10 + y for x in range(3) for y in range(4)]

    def red(*how):
        f = Future()
        a.do(how, f)
        return f.get()

    assert red("int", "sum") == sum((i + 1 for i in ii))
    assert red("int", "max") == 24
    assert red("int", "min") == 1
    p = 1
    for i in ii:
        p *= i + 1
    assert red("int", "product") == p
    assert red("float", "sum") == sum((i + 0.5 for i in ii))
    r = red("list", "sum")
    assert list(r) == [sum(ii), 12, 24], r
    assert isinstance(r, np.ndarray), type(r)
    r = red("np", "sum")
    assert r.shape == (2, 2) and (r == sum(ii)).all()
    assert red("bool", "logical_and") == False
    assert red("bool", "logical_or") == True
    assert red("bool", "logical_xor") == (sum((i % 2 == 0 for i in ii)) % 2 == 1)
    assert red("bool", "logical_or") is True
    r = red("np1", "max")
    assert r == 23
    r = red("tup", "min")
    assert list(r) == [0, 2.5], r
    r = red("arr", "sum")
    assert list(r) == [sum(ii)] * 2
    assert red("npf32", "sum") == 18
    assert red("int", "mysum") == sum((i + 1 for i in ii))
    assert red("int", "minmax") == {"min": 1, "max": 24}
    f = Future()
    a.gat(f)
    assert f.get() == [(x, y) for x in range(3) for y in range(4)]
    f = Future()
    a.nop(f)
    assert f.get() is None
    g = Group(R)
    f = Future()
    g.gat(f)
    assert f.get() == list(range(charm.numPes()))
    fs = [Future() for _ in range(30)]
    for f in fs:
        a.do(("int", "sum"), f)
    assert {f.get() for f in fs} == {sum((i + 1 for i in ii))}
    print("OK")
    charm.exit()


charm.start(main)
