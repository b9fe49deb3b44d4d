"""Conditions with functions, comprehensions and globals; several coroutines wait for the same. Rows: §4.3, §7 after resume."""

from charm4py import charm, Chare, Group, coro

LIMIT = 3


def big(x):
    return x >= LIMIT


class A(Chare):

    @coro
    def __init__(self):
        self.n = 0
        self.d = {}
        self.done = []
        self.wait("self.n > 0")
        self.done.append("ctor")

    def inc(self, k=1):
        self.n += k

    def put(self, k, v):
        self.d[k] = v

    @coro
    def w(self, cond, tag):
        self.wait(cond)
        self.done.append(tag)
        return tag

    @coro
    def after(self, p):
        self.x = p.get(ret=True).get() + 1
        return self.x

    def get(self):
        return 41

    def log(self):
        return self.done

    @coro
    def w2(self):
        self.wait('getattr(self, "x", 0) == 42')
        return "x"


def main(args):
    n = charm.numPes()
    g = Group(A)
    p = g[n - 1]
    fs = [
        p.w("big(self.n)", "big", ret=True),
        p.w("all(k in self.d for k in ('a', 'b'))", "all", ret=True),
        p.w("sum(self.d.values()) == 5", "sum", ret=True),
        p.w("'a' in self.d and self.d['a'] == 2", "q", ret=True),
    ]
    fs += [p.w("self.n == 3", "same%d" % i, ret=True) for i in range(3)]
    f = p.w2(ret=True)
    p.after(g[0], awaitable=True).get()
    assert f.get() == "x"
    for k in range(3):
        p.inc()
    p.put("a", 2)
    p.put("b", 3)
    assert [x.get() for x in fs] == ["big", "all", "sum", "q", "same0", "same1", "same2"]
    g.inc()
    charm.awaitCreation(g)
    l = p.log(ret=1).get()
    assert l[0] == "ctor", l
    assert [x for x in l if x.startswith("same")] == ["same0", "same1", "same2"], l
    print("OK")
    exit()


charm.start(main)
