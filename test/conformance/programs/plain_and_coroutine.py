"""Plain methods that call coroutines; coroutines as callbacks of reductions. Row: §8."""

from charm4py import charm, Chare, Group, Future, coro, Reducer, when
from charm4py.threads import NotThreadedError


class E(Chare):

    @coro
    def c(self):
        charm.sleep(0.001)
        return 1

    def plain(self):
        return self.c()

    def plain2(self):
        try:
            return self.thisProxy[self.thisIndex].c(ret=True).get()
        except NotThreadedError as e:
            return "E " + str(e)

    @coro
    def threaded_callback(self, x):
        charm.sleep(0.001)
        self.x = x
        self.reduce(self.cb, x, Reducer.sum)

    def go(self, cb):
        self.cb = cb
        self.reduce(self.thisProxy.threaded_callback, 1, Reducer.sum)

    @when("self.z")
    def never(self):
        pass

    z = 0


def main(args):
    n = charm.numPes()
    g = Group(E)
    assert g.plain(ret=1).get() == [1] * n
    f = Future()
    g.go(f)
    assert f.get() == n * n
    print("OK")
    exit()


charm.start(main)
