"""What cannot be sent is refused in the call that sends it. Row: §16."""

from charm4py import charm, Chare, Group
import threading


class A(Chare):

    def w(self, x):
        pass

    def r(self):
        return threading.Lock()

    def g(self):
        return (i for i in range(3))


class BadState:

    def __reduce__(self):
        raise KeyError("no pickling")


class BadLoad:

    def __getstate__(self):
        return {"a": 1}

    def __setstate__(self, s):
        raise ZeroDivisionError("load")


def main(args):
    n = charm.numPes()
    g = Group(A)
    for x in (threading.Lock(), BadState(), (i for i in ())):
        try:
            g.w(x)
        except TypeError:
            continue
        assert n == 1, x
    for m in (g[n - 1].r, g[n - 1].g):
        try:
            m(ret=1).get()
        except TypeError:
            continue
        assert n == 1
    if n > 1:
        try:
            g[n - 1].w(BadLoad(), awaitable=True).get()
            assert 0
        except ZeroDivisionError:
            pass
    print("OK")
    exit()


charm.start(main)
