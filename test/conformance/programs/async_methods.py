"""async def constructors and methods with @when, wait and iwait. Row: §0 ret."""

from charm4py import charm, Chare, Group, coro, when, Future


class A(Chare):

    async def __init__(self, p=None):
        self.k = 0
        self.out = []
        f = Future()
        charm.scheduleCallableAfter(f, 0.01, [3])
        self.v = await f

    @when("self.k == k")
    async def step(self, k):
        self.k += 1
        self.out.append(k)
        return await self.thisProxy[self.thisIndex].val(ret=True) + k

    def val(self):
        return self.v

    async def fail(self):
        await self.thisProxy[self.thisIndex].val(ret=True)
        raise KeyError("a")

    async def waits(self):
        await self.wait("self.k == 3")
        return self.out

    async def multi(self):
        fs = [self.thisProxy[pe].val(ret=True) for pe in range(charm.numPes())]
        out = []
        for f in charm.iwait(fs):
            out.append(await f)
        return out


async def helper(p):
    return await p.val(ret=True)


class B(Chare):

    async def go(self, g):
        x = await helper(g[0])
        try:
            await g[charm.numPes() - 1].fail(ret=True)
        except KeyError:
            return (x, "caught")

    @coro
    def mixed(self, g):
        return g[0].multi(ret=True).get()


async def main(args):
    n = charm.numPes()
    g = Group(A)
    await charm.awaitCreation(g)
    fs = [g.step(i, ret=True) for i in (2, 1, 0)]
    w = g.waits(ret=True)
    assert await fs[0] == [5] * n and await fs[2] == [3] * n
    assert await w == [[0, 1, 2]] * n
    b = Chare(B, onPE=n - 1)
    assert await b.go(g, ret=True) == (3, "caught")
    print("OK")
    exit()


charm.start(main)
