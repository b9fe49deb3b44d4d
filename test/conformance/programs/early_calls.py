"""Calls that arrive before the constructor has ended. Rows: §8, §4.5."""

from charm4py import charm, Chare, Array, Group, coro, when


class A(Chare):

    @coro
    def __init__(self, x):
        self.ready = False
        self.log = ["a"]
        self.y = x.get(ret=True).get()
        self.log.append("b")
        self.ready = True

    @when("self.ready")
    def go(self, k):
        self.log.append(k)
        return list(self.log)

    def early(self):
        self.log.append("e")


class X(Chare):

    def get(self):
        return 5


def main(args):
    x = Chare(X, onPE=charm.numPes() - 1)
    a = Array(A, 4, args=[x])
    fs = [a.go(k, ret=True) for k in range(3)]
    assert [f.get() for f in fs][2] == [["a", "b", 0, 1, 2]] * 4
    b = Group(A, args=[x])
    f = b.go(1, ret=True)
    assert f.get() == [["a", "b", 1]] * charm.numPes()
    print("OK")
    exit()


charm.start(main)
