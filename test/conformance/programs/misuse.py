"""Mistakes raise what the user can act on, never an AssertionError. Rows: §0 argument checks, §16."""

from charm4py import charm, Chare, Group, Array, Future, Reducer
from charm4py.threads import NotThreadedError


class A(Chare):

    def notcoro(self):
        try:
            Future()
            return "no"
        except NotThreadedError as e:
            return str(e)

    def notcoro2(self):
        try:
            self.wait("True")
            return "ok"
        except NotThreadedError as e:
            return str(e)

    def get(self, f):
        try:
            f.get()
            return "no"
        except NotThreadedError as e:
            return str(e)

    def sl(self):
        charm.sleep(0.001)
        return 1

    def qd(self):
        try:
            charm.waitQD()
        except NotThreadedError:
            return "E"

    def red(self):
        out = []
        for a in ((1, 2), (None, 1, Reducer.sum), (3,)):
            try:
                self.reduce(*a)
                out.append(None)
            except Exception as e:
                out.append(type(e).__name__)
        return out

    def lam(self):
        try:
            self.reduce(Future, 1, lambda x: x)
        except Exception as e:
            return type(e).__name__


class NotChare:
    pass


def main(args):
    a = Array(A, 2)
    e = a[1]
    assert "A.notcoro" in e.notcoro(ret=True).get()
    Future()
    assert e.sl(ret=True).get() == 1
    assert e.qd(ret=True).get() == "E"

    def bad(fn, *types):
        try:
            fn()
        except Exception as e:
            assert not isinstance(e, AssertionError), e
        else:
            assert False, fn

    bad(lambda: Group(NotChare))
    bad(lambda: Array(A))
    bad(lambda: Array(A, (2, 2), ndims=3))
    bad(lambda: Array(A, "x"))
    bad(lambda: Array(A, -1))
    bad(lambda: Group(A, args=3))
    bad(lambda: Chare(A, onPE=100))
    bad(lambda: a[1, 2])
    bad(lambda: a["x"])
    bad(lambda: a.nomethod())
    bad(lambda: Group(A)[100].sl())
    bad(lambda: charm.awaitCreation(3))
    bad(lambda: charm.start(main))
    bad(lambda: charm.wait(3))
    bad(lambda: list(charm.iwait([1])))
    bad(lambda: Future(0))
    bad(lambda: Future("x"))
    bad(lambda: a.contribute(1))
    bad(lambda: e._x())
    bad(lambda: charm.sleep("x"))
    bad(lambda: charm.scheduleCallableAfter(3, 1))
    bad(lambda: Reducer.nosuch)
    bad(lambda: Reducer.addReducer(3))
    bad(lambda: charm.startQD(3))
    bad(lambda: charm.getHostPes(99))
    print("OK")
    exit()


charm.start(main)
