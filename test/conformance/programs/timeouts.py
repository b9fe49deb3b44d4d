"""get(timeout=) and cancel(). Row: §0 ret."""

from charm4py import charm, Chare, Group, coro, Future
from charm4py.threads import FutureCancelled


class A(Chare):
    def __init__(self):
        self.go = False

    @coro
    def slow(self):
        self.wait("self.go")
        return self.thisIndex

    def release(self):
        self.go = True


def main(args):
    g = Group(A)
    f = g.slow(ret=True)
    for _ in range(3):
        try:
            f.get(timeout=0.02)
            assert 0
        except TimeoutError:
            pass
    g.release()
    assert f.get(timeout=100) == list(range(charm.numPes()))
    f = Future()
    f.cancel()
    try:
        f.get()
    except FutureCancelled:
        pass
    else:
        assert 0
    print("OK")
    exit()


charm.start(main)
