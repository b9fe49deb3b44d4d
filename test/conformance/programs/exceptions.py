"""Exceptions of calls and broadcasts come to who waits, with the remote traceback. Rows: §5 exceptions, §16."""

from charm4py import charm, Chare, Array, Future, coro


class MyErr(Exception):

    def __init__(self, a, b):
        super().__init__(a, b)
        self.a = a
        self.b = b


class W(Chare):

    def bad(self, x):
        return 10 / x

    def mine(self):
        raise MyErr(self.thisIndex, "b")

    def odd(self):
        if self.thisIndex[0] % 2:
            raise ValueError("odd %d" % self.thisIndex)
        return self.thisIndex[0]

    @coro
    def nested(self, other):
        try:
            other.bad(0, ret=True).get()
        except ZeroDivisionError as e:
            raise RuntimeError("wrapped") from e

    @coro
    def cor(self):
        charm.sleep(0.001)
        raise KeyError("k")


def main(args):
    a = Array(W, 9)
    try:
        a[3].bad(0, ret=True).get()
        assert False
    except ZeroDivisionError as e:
        pe, text = e.remote_stacktrace
        assert "bad" in text, text
        assert 0 <= pe < charm.numPes()
    assert a[3].bad(5, ret=True).get() == 2
    try:
        a[8].mine(awaitable=True).get()
        assert False
    except MyErr as e:
        assert e.a == (8,) and e.b == "b"
    r = a.odd(ret=True).get()
    for i, x in enumerate(r):
        if i % 2:
            assert isinstance(x, ValueError) and str(x) == "odd %d" % i, x
        else:
            assert x == i
    try:
        a.odd(awaitable=True).get()
        assert False
    except ValueError as e:
        assert "odd" in str(e)
    try:
        a[0].nested(a[7], ret=True).get()
        assert False
    except RuntimeError as e:
        assert str(e) == "wrapped"
    try:
        a[5].cor(awaitable=True).get()
        assert 0
    except KeyError as e:
        assert e.args == ("k",)
    f = Future(3)
    f.send(1)
    f.send(ValueError("x"))
    assert not f.ready()
    f.send(2)
    try:
        f.get()
        assert 0
    except ValueError as e:
        assert str(e) == "x"
    print("OK")
    exit()


charm.start(main)
