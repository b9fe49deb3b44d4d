"""§3.1 §4.1: a main chare whose constructor suspends while its methods are called; ret, callbacks, @when on it."""
from charm4py import Array, Chare, Group, Reducer, charm, coro, when


class Worker(Chare):
    def __init__(self, main):
        self.main = main

    def start(self, it):
        for k in range(3):
            self.main.result(it, self.thisIndex * 10 + k)
        self.contribute(1, Reducer.sum, self.main.all_started)

    @coro
    def ask(self):
        a = self.main.twice(self.thisIndex, ret=True).get()
        b = self.main.slow(self.thisIndex, ret=True).get()
        return a + b


class Main(Chare):
    def __init__(self, args):
        assert not hasattr(self, 'thisIndex') or True
        self.it = 0
        self.results = []
        self.started = 0
        n = charm.numPes()
        g = Group(Worker, args=[self.thisProxy])
        for it in (2, 1, 0):
            g.start(it)
        for it in range(3):
            self.wait('len(self.results) == %d' % (3 * n))
            assert sorted(self.results) == [pe * 10 + k for pe in range(n) for k in range(3)]
            self.results = []
            self.it += 1
        self.wait('self.started == %d' % (3 * n))
        assert g.ask(ret=True).get() == [2 * pe + pe * pe for pe in range(n)]
        assert self.thisProxy.twice(4, ret=True).get() == 8
        f = charm.Future()
        self.thisProxy.chain(5, f)
        assert f.get() == 'done'
        print('OK')
        exit()

    @when('self.it == it')
    def result(self, it, x):
        self.results.append(x)

    def all_started(self, n):
        self.started += n

    def twice(self, x):
        return 2 * x

    @coro
    def slow(self, x):
        charm.sleep(0.002)
        return x * x

    def chain(self, n, f):
        if n == 0:
            f('done')
        else:
            self.thisProxy.chain(n - 1, f)


charm.start(Main)
