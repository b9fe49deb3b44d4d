"""Three thousand elements, each with a coroutine that waits. Rows: §4.5, §10."""

from charm4py import charm, Chare, Array, coro, Future, Reducer


class A(Chare):

    def __init__(self):
        self.go = False
        self.s = 0

    @coro
    def park(self, cb):
        self.wait("self.go")
        self.reduce(cb, self.thisIndex[0], Reducer.sum)

    def release(self):
        self.go = True

    def add(self, v):
        self.s += v

    def sum(self, cb):
        self.reduce(cb, self.s, Reducer.sum)

    def fan(self, n):
        for k in range(n):
            self.thisProxy[(self.thisIndex[0] + k) % N].add(1)


def main(args):
    N = 3000
    charm.thisProxy.updateGlobals({"N": N}, awaitable=True).get()
    a = Array(A, N)
    f = Future()
    a.park(f)
    a.release()
    assert f.get() == N * (N - 1) // 2
    a.fan(10)
    charm.waitQD()
    f = Future()
    a.sum(f)
    assert f.get() == 10 * N
    a.park
    print("OK")
    exit()


charm.start(main)
