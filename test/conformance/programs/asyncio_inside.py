"""asyncio within coroutines; async def methods. Row: §0 ret."""

import asyncio
from charm4py import charm, Chare, Group, coro


class A(Chare):

    @coro
    def run(self):

        async def go():
            await asyncio.sleep(0.001)
            r = await asyncio.gather(*[self.one(i) for i in range(3)])
            return r

        return asyncio.run(go())

    async def one(self, i):
        await asyncio.sleep(0.001)
        return i

    async def plain(self, x):
        return x


def main(args):
    g = Group(A)
    n = charm.numPes()
    assert g.plain(3, ret=True).get() == [3] * n
    assert g.run(ret=True).get() == [[0, 1, 2]] * n
    print("OK")
    exit()


charm.start(main)
