"""Conditions name globals that updateGlobals brings. Rows: §8, §3.5."""

from charm4py import charm, Chare, Array, coro, when


class A(Chare):

    def __init__(self):
        self.it = 0

    @when("it < MAXIT and self.it == it")
    def step(self, it):
        self.it += 1
        if self.it == MAXIT:
            self.reduce(main.done)

    @coro
    def w(self):
        self.wait("self.it == MAXIT")
        return self.it


class Main(Chare):

    def __init__(self, args):
        a = Array(A, 5)
        charm.thisProxy.updateGlobals({"MAXIT": 6, "main": self.thisProxy}, awaitable=True).get()
        f = a.w(ret=True)
        for i in (5, 3, 4, 2, 1, 0):
            a.step(i)
        assert f.get() == [6] * 5

    def done(self):
        print("OK")
        exit()


charm.start(Main)
