"""§7 §5: exceptions as values of futures, in counted futures, in nested coroutines over PEs; timeouts; cancel."""
from charm4py import Chare, Future, Group, charm, coro


class MyError(Exception):
    def __init__(self, code):
        super().__init__('code %d' % code)
        self.code = code


class E(Chare):
    def bad(self, x):
        if self.thisIndex == x:
            raise ValueError('bad on %d' % x)
        return self.thisIndex

    def own(self):
        return [][self.thisIndex]

    @coro
    def deep(self, n):
        if n == 0:
            raise KeyError('bottom')
        return self.thisProxy[(self.thisIndex + 1) % charm.numPes()].deep(n - 1, ret=True).get()

    def give(self, f, v):
        f(v)

    def give_error(self, f, code):
        f.send(MyError(code))


def main(args):
    n = charm.numPes()
    g = Group(E)
    try:
        g[n - 1].bad(n - 1, ret=True).get()
        raise RuntimeError
    except ValueError as e:
        assert str(e) == 'bad on %d' % (n - 1)
        pe, text = e.remote_stacktrace
        assert pe == n - 1, pe
    try:
        g.bad(0, awaitable=True).get()
        raise RuntimeError
    except ValueError as e:
        assert 'bad on 0' in str(e)
    got = g.bad(0, ret=True).get()
    assert isinstance(got[0], ValueError) and got[1:] == list(range(1, n))
    assert all(isinstance(x, IndexError) for x in g.own(ret=True).get())
    for hops in (0, 1, 5):
        try:
            g[0].deep(hops, ret=True).get()
            raise RuntimeError
        except KeyError as e:
            assert e.args == ('bottom',)
    f = Future(3)
    g[0].give(f, 1)
    g[n - 1].give_error(f, 7)
    g[0].give(f, 2)
    for _ in range(2):
        try:
            f.get()
            raise RuntimeError
        except MyError as e:
            assert e.code == 7, e.__dict__
    t = Future()
    try:
        t.get(timeout=0.05)
        raise RuntimeError
    except TimeoutError:
        pass
    g[n - 1].give(t, 'in time after all')
    assert t.get(timeout=30) == 'in time after all'
    print('OK')
    exit()


charm.start(main)
