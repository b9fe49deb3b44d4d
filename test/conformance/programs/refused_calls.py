"""Wrong arguments are refused where the call or the creation is. Row: §0."""

from charm4py import charm, Chare, Array, Group


class A(Chare):

    def f(self, a, b):
        return a + b

    def call(self, cb, *a):
        try:
            cb(*a)
        except TypeError as e:
            return str(e)

    def red(self, cb):
        self.reduce(cb, 1, charm.reducers.sum)


def main(args):
    g = Group(A)
    assert "f()" in g[charm.numPes() - 1].call(g[0].f, 1, ret=1).get()
    try:
        g[0].f(1, "x", ret=True).get()
        assert 0
    except TypeError:
        pass
    try:
        Array(A, 2)[0].f(a=1, ret=True)
        assert 0
    except TypeError as e:
        assert "b" in str(e) and "f" in str(e)
    for bad in (lambda: Chare(A, args=[1]), lambda: Group(A, args=[1]), lambda: Array(A, 2, args=[1])):
        try:
            bad()
            assert 0
        except TypeError as e:
            assert "__init__" in str(e), e
    print("OK")
    exit()


charm.start(main)
