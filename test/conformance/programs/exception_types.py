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

    def grp(self):
        raise ExceptionGroup("eg", [ValueError(1), KeyError(2)])

    def oserr(self):
        open("/nonexistent/file")

    def uni(self):
        raise UnicodeDecodeError("utf8", b"x", 0, 1, "r")

    def note(self):
        e = ValueError("n")
        e.add_note("a note")
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

    for m in ("nop", "loc", "base", "stop", "gen", "grp", "oserr", "uni", "note", "ass", "cause"):
        E(getattr(p, m))
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
        r = p.retexc(ret=True).get()
    except ValueError:
        pass
    assert p.retcls(ret=True).get() is ValueError
    print("OK")
    exit()


charm.start(main)
