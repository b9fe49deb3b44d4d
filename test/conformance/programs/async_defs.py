"""§0: async def methods, constructors, entry; await of futures, channels, allreduce, sleep, pool; @when on them."""
from charm4py import Array, Channel, Chare, Future, Group, Reducer, charm, when


async def task(x):
    y = await charm.pool.map_async(abs, [-x])
    return y[0] + 1


class A(Chare):
    def __init__(self):
        self.i = self.thisIndex[0]
        self.it = 0

    async def sums(self, rounds):
        out = []
        for r in range(rounds):
            out.append(await self.allreduce(self.i + r, Reducer.sum))
        await self.allreduce()
        return out

    async def talk(self, n):
        right = Channel(self, remote=self.thisProxy[(self.i + 1) % n])
        left = Channel(self, remote=self.thisProxy[(self.i - 1) % n])
        right.send(self.i)
        got = left.recv()
        if hasattr(got, '__await__'):
            got = await got
        return got

    @when('self.it == it')
    async def step(self, it, f):
        x = await f
        self.it += 1
        return x

    async def fails(self):
        await self.allreduce()
        raise ValueError(self.i)


async def main(args):
    a = Array(A, 4)
    assert await a.sums(3, ret=True) == [[6 + 4 * r for r in range(3)]] * 4
    assert await a.talk(4, ret=True) == [3, 0, 1, 2]
    f1, f2 = Future(), Future()
    second = a.step(1, f2, ret=True)
    first = a.step(0, f1, ret=True)
    f2('b')
    f1('a')
    assert await second == ['b'] * 4
    assert await first == ['a'] * 4
    try:
        await a.fails(awaitable=True)
        raise RuntimeError
    except ValueError as e:
        assert e.args[0] in range(4)
    assert await charm.pool.map_async(task, range(4)) == [1, 2, 3, 4]
    print('OK')
    exit()


charm.start(main)
