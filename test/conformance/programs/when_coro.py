"""§8: @when with @coro in either order, ret and awaitable and exceptions through conditions, self.wait by several."""
from charm4py import Array, Chare, Group, charm, coro, when


class C(Chare):
    def __init__(self):
        self.step = 0
        self.n = 0
        self.trace = []

    @when('self.step == s')
    @coro
    def a(self, s):
        self.trace.append(('begin', s))
        charm.sleep(0.001)
        self.trace.append(('end', s))
        self.step += 1
        return s * 10

    @coro
    @when('self.step == s')
    def b(self, s, fut):
        x = fut.get()
        self.step += 1
        return x + s

    @when('self.n >= 3')
    def boom(self, x):
        raise LookupError('n is %d, x is %d' % (self.n, x))

    def inc(self):
        self.n += 1

    @coro
    def waiter(self, k):
        self.wait('self.n >= 5')
        return self.n, k

    def result(self):
        return self.trace


def main(args):
    arr = Array(C, 3)
    fs = [arr.a(s, ret=True) for s in reversed(range(4))]
    assert [f.get() for f in fs] == [[s * 10] * 3 for s in reversed(range(4))]
    for t in arr.result(ret=True).get():
        assert t == [(w, s) for s in range(4) for w in ('begin', 'end')], t
    fut = charm.Future()
    f = arr[1].b(4, fut, ret=True)
    assert not f.ready()
    fut.send(100)
    assert f.get() == 104
    f = arr[2].boom(9, ret=True)
    g = arr.boom(1, awaitable=True)
    ws = [arr.waiter(k, ret=True) for k in range(3)]
    for _ in range(3):
        arr.inc()
    for x in (f, g):
        try:
            x.get()
            raise RuntimeError
        except LookupError as e:
            assert 'n is' in str(e)
    assert not any(w.ready() for w in ws)
    arr.inc()
    arr.inc()
    assert [w.get() for w in ws] == [[(5, k)] * 3 for k in range(3)]
    print('OK')
    exit()


charm.start(main)
