"""Transfers with exceptions of their own class. Row: §5 exceptions."""

from charm4py import charm, Chare, Array, coro


class Insufficient(Exception):

    def __init__(self, have, want, *, who=None):
        super().__init__("have %d want %d" % (have, want))
        self.have, self.want, self.who = (have, want, who)


class Acc(Chare):

    def __init__(self, b):
        self.b = b

    def dep(self, x):
        self.b += x
        return self.b

    def wd(self, x):
        if x > self.b:
            raise Insufficient(self.b, x, who=self.thisIndex)
        self.b -= x
        return self.b

    @coro
    def transfer(self, to, x):
        self.thisProxy[self.thisIndex].wd(x, awaitable=True).get()
        to.dep(x, awaitable=True).get()
        return True

    def bal(self):
        return self.b


def main(args):
    a = Array(Acc, 6, args=[100])
    fs = [a[i].transfer(a[(i + 1) % 6], 30 + 20 * i, ret=True) for i in range(6)]
    ok = 0
    for f in fs:
        try:
            ok += f.get()
        except Insufficient as e:
            assert e.want >= 100 and isinstance(e.who, tuple), e.__dict__
            assert str(e).startswith("have")
    assert ok >= 3 and sum(a.bal(ret=1).get()) == 600
    print("OK")
    exit()


charm.start(main)
