"""§4.3 §8: self.wait on globals, attributes, calls; released in order; conditions changed by coroutine slices."""
from charm4py import Array, Chare, Group, charm, coro, when

flag = 0


class C(Chare):
    def __init__(self):
        self.a = {'x': 0}
        self.lst = []
        self.order = []

    @coro
    def w(self, cond, tag):
        self.wait(cond)
        self.order.append(tag)
        return tag

    def poke(self, k):
        self.a['x'] += k

    def push(self, v):
        self.lst.append(v)

    def globals_(self, v):
        global flag
        flag = v

    @coro
    def inner(self):
        self.lst.clear()
        charm.sleep(0.001)
        self.lst.append('slept')
        self.wait('len(self.lst) == 2')
        return self.lst

    def big(self):
        return self.a['x'] > 10

    def get_order(self):
        return self.order


def main(args):
    g = Group(C)
    f1 = g.w('self.a["x"] >= 3', 1, ret=True)
    f2 = g.w("self.lst and self.lst[-1] == 'go'", 2, ret=True)
    f3 = g.w('flag == 7', 3, ret=True)
    f4 = g.w('self.big()', 4, ret=True)
    f5 = g.w('True', 5, ret=True)
    n = charm.numPes()
    assert f5.get() == [5] * n
    g.push('no')
    g.poke(3)
    assert f1.get() == [1] * n
    assert not f2.ready() and not f3.ready()
    g.push('go')
    assert f2.get() == [2] * n
    g.globals_(7)
    assert f3.get() == [3] * n
    g.poke(8)
    assert f4.get() == [4] * n
    assert g.get_order(ret=True).get() == [[5, 1, 2, 3, 4]] * n
    fs = [g.w('self.a["x"] == 50', k, ret=True) for k in range(6, 16)]
    g.poke(39)
    assert [f.get() for f in fs] == [[k] * n for k in range(6, 16)]
    assert [o[5:] for o in g.get_order(ret=True).get()] == [list(range(6, 16))] * n
    f = g.inner(ret=True)
    charm.sleep(0.02)
    g.push('pushed')
    assert f.get() == [['slept', 'pushed']] * n
    print('OK')
    exit()


charm.start(main)
