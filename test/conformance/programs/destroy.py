"""Collections are destroyed, also under calls and coroutines. Row: §0 creation."""

from charm4py import charm, Chare, Array, Group, coro


class E(Chare):

    def v(self):
        return 1

    @coro
    def park(self):
        self.wait("False")


def says(future, text):
    try:
        future.get()
    except Exception as error:
        return text in str(error)


def main(args):
    n = charm.numPes()
    for i in range(20):
        a = Array(E, 10)
        g = Group(E)
        s = Chare(E, onPE=i % n)
        assert a.v(ret=1).get() == [1] * 10 and g.v(ret=1).get() == [1] * n and (s.v(ret=1).get() == 1)
        for p in (a, g, s):
            p.destroy()
    a = Array(E, 4)
    a.destroy(awaitable=True).get()
    assert says(a[2].v(ret=True), "destroyed")
    charm.waitQD()
    b = Array(E, 3)
    f = b.park(awaitable=True)
    charm.sleep(0.01)
    b.destroy(awaitable=True).get()
    assert says(f, "destroyed")
    print("OK")
    exit()


charm.start(main)
