"""Conditions over named, variable and keyword-only arguments, with lambdas and generators. Row: §8."""

from charm4py import charm, Chare, Group, when


class P:

    def __init__(self, a):
        self.a = a

    @property
    def half(self):
        return self.a / 2


K = {"x": 2}


class A(Chare):

    def __init__(self):
        self.k = 0
        self.s = [1]
        self.m = {}

    @when("kw == self.k")
    def kw1(self, a, kw=0):
        return (a, kw)

    @when("self.k == p.half")
    def at(self, p):
        return p.a

    @when("len(rest) == self.k")
    def va(self, *rest):
        return rest

    @when('opts.get("go") == self.k')
    def vk(self, **opts):
        return opts

    @when("any(x == self.k for x in xs)")
    def gen(self, xs):
        return xs

    @when('[y for y in self.s if y == t] != [] and K["x"] == self.k')
    def lc(self, t):
        return t

    @when("self.m.get(args[0], 'none') == 'yes'")
    def ar(self, key, other=None):
        return (key, other)

    @when("self.k == key")
    def key_only(self, *, key):
        return key

    @when("(self.k == a) if a is not None else True")
    def tern(self, a):
        return a

    @when("self.k > 1 and (lambda q: q < 10)(v)")
    def lam(self, v):
        return v

    def set(self, k):
        self.k = k

    def setm(self, k, v):
        self.m[k] = v


def main(args):
    n = charm.numPes()
    g = Group(A)
    p = g[n - 1]
    fs = [
        p.kw1(1, ret=1),
        p.kw1(1, kw=2, ret=1),
        p.kw1(kw=2, a=7, ret=1),
        p.at(P(4), ret=1),
        p.va(5, 6, ret=1),
        p.va(ret=1),
        p.vk(go=2, z=1, ret=1),
        p.gen([1, 2], ret=1),
        p.lc(1, ret=1),
        p.ar("k", ret=1),
        p.ar("k", other=3, ret=1),
        p.key_only(key=2, ret=1),
        p.tern(None, ret=1),
        p.tern(2, ret=1),
        p.lam(3, ret=1),
    ]
    assert fs[0].get() == (1, 0) and fs[5].get() == () and (fs[12].get() is None)
    assert not fs[1].ready()
    p.set(2)
    p.setm("k", "yes")
    assert [f.get() for f in fs] == [
        (1, 0),
        (1, 2),
        (7, 2),
        4,
        (5, 6),
        (),
        {"go": 2, "z": 1},
        [1, 2],
        1,
        ("k", None),
        ("k", 3),
        2,
        None,
        2,
        3,
    ]
    f = g.kw1(9, kw=2, ret=True)
    g.set(2)
    assert f.get() == [(9, 2)] * n
    print("OK")
    exit()


charm.start(main)
