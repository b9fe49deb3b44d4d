"""get(timeout=) and cancel(). Row: §0 ret."""

from charm4py import charm, Chare, Group, coro, Future
import time


class A(Chare):

    @coro
    def slow(self):
        charm.sleep(0.3)
        return 1


def main(args):
    g = Group(A)
    f = g.slow(ret=True)
    t = time.time()
    try:
        f.get(timeout=0.05)
        assert 0
    except TimeoutError:
        pass
    assert time.time() - t < 0.25 and f.get() == [1] * charm.numPes()
    f = Future()
    f.cancel()
    try:
        f.get()
    except Exception:
        pass
    print("OK")
    exit()


charm.start(main)
