"""§7 §5.4: futures as keys, in objects, closures, dataclasses and arrays; equal after trips; sent back home; async def."""
import asyncio
from dataclasses import dataclass
from functools import partial

import numpy as np
from charm4py import Array, Chare, Future, Group, charm, coro
import charm4py.threads


@dataclass
class Job:
    name: str
    reply: object
    hops: int = 0


class Obj:
    def __init__(self, f):
        self.f = f


class X(Chare):
    def back(self, f):
        return f

    def keys(self, d):
        for k, v in d.items():
            k(v)
        return list(d)

    def job(self, job):
        if job.hops == 0:
            job.reply((job.name, charm.myPe()))
        else:
            job.hops -= 1
            self.thisProxy[(self.thisIndex + 1) % charm.numPes()].job(job)

    def inside(self, o, arr, fn):
        o.f('o')
        arr[1](np.arange(3))
        fn('partial')

    async def many(self, fs):
        return sum([await f for f in fs])

    async def gathered(self, other):
        a = other.slow(1, ret=True)
        b = other.slow(2, ret=True)
        return await a + await b

    async def slow(self, v):
        charm.sleep(0) if False else None
        return v

    @coro
    def first_of(self, fs):
        for f in charm.iwait(fs):
            return f.get()


def main(args):
    n = charm.numPes()
    g = Group(X)
    f = Future()
    f2 = g[n - 1].back(f, ret=True).get()
    assert f2 == f and hash(f2) == hash(f) and len({f, f2}) == 1
    assert isinstance(f, charm4py.threads.Future)
    f2('home')
    assert f.get() == f2.get() == 'home'
    d = {Future(): i for i in range(5)}
    keys = g[n - 1].keys(d, ret=True).get()
    assert keys == list(d)
    assert [k.get() for k in d] == list(range(5))
    fs = [Future() for _ in range(2 * n)]
    for i, f in enumerate(fs):
        g[0].job(Job('j%d' % i, f, i))
    assert [f.get() for f in fs] == [('j%d' % i, i % n) for i in range(2 * n)]
    a, b, c = Future(), Future(), Future()
    arr = np.empty(2, dtype=object)
    arr[:] = [None, b]
    g[n // 2].inside(Obj(a), arr, partial(c))
    assert a.get() == 'o' and b.get().tolist() == [0, 1, 2] and c.get() == 'partial'
    fs = [Future() for _ in range(4)]
    r = g.many(fs, ret=True)
    for i, f in enumerate(fs):
        f(i)
    assert r.get() == [6] * n
    assert g.gathered(g[n - 1], ret=True).get() == [3] * n
    fs = [Future() for _ in range(4)]
    r = g.first_of(fs, ret=True)
    fs[2]('two')
    assert r.get() == ['two'] * n
    fut3 = Future(3)
    for i in range(3):
        charm.scheduleCallableAfter(fut3, 0.002 * i, [i])
    assert fut3.get() == [0, 1, 2]
    print('OK')
    exit()


charm.start(main)
