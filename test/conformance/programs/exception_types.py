"""Exceptions of every kind reach the caller with their attributes. Row: §5."""

from charm4py import charm, Chare, Group, Future
import threading


class NoPickle(Exception):

    def __init__(self, l):
        super().__init__("np")
        self.l = threading.Lock()


class B(BaseException):
    pass


class A(Chare):

    def nop(self):
        raise NoPickle(1)

    def loc(self):

        class LocErr(ValueError):
            pass

        raise LocErr("local", self.thisIndex)

    def base(self):
        raise B("base")

    def ki(self):
        raise KeyboardInterrupt

    def stop(self):
        raise StopIteration(3)

    def gen(self):
        raise GeneratorExit

    def oserr(self):
        open("/nonexistent/file")

    def uni(self):
        raise UnicodeDecodeError("utf8", b"x", 0, 1, "r")

    def note(self):
        e = ValueError("n")
        e.extra = 5
        raise e

    def ass(self):
        assert self.thisIndex == 999, "assert message"

    def cause(self):
        try:
            1 / 0
        except ZeroDivisionError as e:
            raise ValueError("v") from e

    def retexc(self):
        return ValueError("returned")

    def retcls(self):
        return ValueError


def main(args):
    p = Group(A)[charm.numPes() - 1]

    def E(m):
        try:
            m(ret=True).get()
        except BaseException as e:
            return e
        assert 0, m

    kinds = {
        "nop": Exception,
        "loc": ValueError,
        "base": B,
        "gen": GeneratorExit,
        "uni": UnicodeDecodeError,
        "ass": AssertionError,
    }
    for m, kind in kinds.items():
        e = E(getattr(p, m))
        assert isinstance(e, kind) and e.remote_stacktrace[0] == charm.numPes() - 1, (m, e)
    assert "NoPickle" in str(E(p.nop)) or charm.numPes() == 1
    assert str(E(p.cause)) == "v"
    assert (
        isinstance(E(p.oserr), FileNotFoundError)
        and E(p.oserr).errno == 2
        and (E(p.oserr).filename == "/nonexistent/file")
    )
    assert E(p.note).extra == 5
    assert isinstance(E(p.stop), StopIteration)
    f = Future()
    f.send(ValueError("sent"))
    try:
        f.get()
        assert 0
    except ValueError:
        pass
    try:
        p.retexc(ret=True).get()
        assert 0
    except ValueError:
        pass
    assert p.retcls(ret=True).get() is ValueError
    print("OK")
    exit()


charm.start(main)
