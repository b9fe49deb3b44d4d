"""§8: @when with tags on either side, attributes, args[i], globals, shared conditions, defaults, keyword arguments."""
import random

from charm4py import Array, Chare, Group, charm, coro, when

LIMIT = 3


class Msg:
    def __init__(self, it, v):
        self.it = it
        self.v = v


class W(Chare):
    def __init__(self):
        self.it = 0
        self.log = []
        self.open = False
        self.lo = 0

    @when('self.it == it')
    def left(self, it, v):
        self.log.append((it, v))
        self.it += 1

    @when('it == self.it')
    def right(self, it, v=None):
        self.left_count = getattr(self, 'left_count', 0) + 1
        self.log.append(('r', it))
        self.it += 1

    @when('msg.it == self.it')
    def attr(self, msg):
        self.log.append(msg.v)
        self.it += 1

    @when('args[0] == self.it and len(args[1]) > 1')
    def byargs(self, it, lst):
        self.log.append(('args', it))
        self.it += 1

    @when('self.open')
    def gate(self, x):
        self.log.append(('gate', x))

    @when('x < self.lo + LIMIT')
    def window(self, x, cb):
        cb(x)
        self.lo += 1

    @when('x == self.it + d')
    def default(self, x, d=1):
        self.log.append(('default', x))
        self.it += 1

    def set(self, **kw):
        self.__dict__.update(kw)

    def take(self):
        log, self.log = self.log, []
        self.it = 0
        return log


def main(args):
    w = Chare(W, onPE=charm.numPes() - 1)
    order = list(range(50))
    random.shuffle(order)
    for i in order:
        w.left(i, i * i)
    charm.waitQD()
    assert w.take(ret=True).get() == [(i, i * i) for i in range(50)]
    for i in order:
        if i % 2:
            w.right(i)
        else:
            w.left(v=1, it=i)
    charm.waitQD()
    assert w.take(ret=True).get() == [('r', i) if i % 2 else (i, 1) for i in range(50)]
    for i in order:
        w.attr(Msg(i, 'm%d' % i))
    charm.waitQD()
    assert w.take(ret=True).get() == ['m%d' % i for i in range(50)]
    for i in order:
        w.byargs(i, [1, 2])
    charm.waitQD()
    assert w.take(ret=True).get() == [('args', i) for i in range(50)]
    for i in range(20):
        w.gate(i)
    charm.waitQD()
    assert w.take(ret=True).get() == []
    w.set(open=True, awaitable=True).get()
    charm.waitQD()
    assert w.take(ret=True).get() == [('gate', i) for i in range(20)]
    fs = [charm.Future() for _ in range(20)]
    for i in reversed(range(20)):
        w.window(i, fs[i])
    assert [f.get() for f in fs] == list(range(20))
    for i in order:
        w.default(i + 1)
    charm.waitQD()
    assert w.take(ret=True).get() == [('default', i + 1) for i in range(50)]
    print('OK')
    exit()


charm.start(main)
