"""Futures as callbacks, in messages and dicts, with many values, in iwait and wait. Rows: §7, §3.4, §5.4."""

from charm4py import charm, Chare, Group, Future, coro
import random


class W(Chare):

    def give(self, f, v):
        f(v)

    def giveSend(self, f, v):
        f.send(v)

    def many(self, fs):
        for k, f in fs.items():
            f.send((k, self.thisIndex))

    def noval(self, f):
        f()

    @coro
    def relay(self, f, n):
        if n == 0:
            f.send("end")
            return 0
        g = Future()
        self.thisProxy[(self.thisIndex + 1) % charm.numPes()].relay(g, n - 1)
        v = g.get()
        f.send(v)
        return n


def main(args):
    n = charm.numPes()
    g = Group(W)
    f = Future(n)
    g.give(f, 3)
    assert f.get() == ([3] * n if n > 1 else 3)
    assert f.get() == ([3] * n if n > 1 else 3)
    assert f.ready()
    f = charm.createFuture(num_vals=2)
    g[0].giveSend(f, None)
    g[n - 1].giveSend(f, [1, 2])
    assert sorted(f.get(), key=repr) == [None, [1, 2]] or sorted(f.get(), key=repr) == [[1, 2], None]
    fs = {"a%d" % i: Future() for i in range(20)}
    g[n // 2].many(fs)
    for k, fu in fs.items():
        assert fu.get() == (k, n // 2)
    f = Future()
    g[n - 1].noval(f)
    assert f.get() is None
    f = Future()
    g[0].relay(f, 30)
    assert f.get() == "end"
    futs = [Future() for _ in range(50)]
    random.seed(3)
    order = list(range(50))
    random.shuffle(order)
    for i in order:
        g[i % n].give(futs[i], i)
    got = []
    for fu in charm.iwait(futs):
        got.append(fu.get())
    assert sorted(got) == list(range(50))
    charm.wait(futs)
    print("OK")
    exit()


charm.start(main)
