"""§4.1 §6: one class in groups, arrays of all dimensions and singletons at once; inheritance; same method names."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class Base(Chare):
    def __init__(self, x=0, *, y=5):
        self.x, self.y = x, y

    def value(self):
        return type(self).__name__, self.x, self.y

    def overridden(self):
        return 'base'

    @coro
    def twice(self):
        return 2 * self.thisProxy_elem().value(ret=True).get()[1]

    def thisProxy_elem(self):
        if isinstance(self.thisIndex, tuple) and hasattr(self.thisProxy, '__getitem__'):
            try:
                return self.thisProxy[self.thisIndex]
            except Exception:
                return self.thisProxy
        return self.thisProxy[self.thisIndex]

    def total(self, f):
        self.contribute(self.x, Reducer.sum, f)


class Derived(Base):
    def __init__(self, x):
        super().__init__(x, y=6)

    def overridden(self):
        return 'derived ' + super().overridden()


class Mixin:
    def mixed(self, a, b=2, *rest, c=3, **more):
        return a, b, rest, c, more


class Both(Mixin, Derived):
    pass


def main(args):
    n = charm.numPes()
    for cls, x in ((Base, 1), (Derived, 2), (Both, 3)):
        colls = [(Group(cls, args=[x]), n), (Array(cls, 3, args=[x]), 3), (Array(cls, (2, 2), args=[x]), 4)]
        one = Chare(cls, args=[x], onPE=n // 2)
        want = (cls.__name__, x, 5 if cls is Base else 6)
        for coll, k in colls:
            assert coll.value(ret=True).get() == [want] * k
            assert coll.overridden(ret=True).get() == ['base' if cls is Base else 'derived base'] * k
            assert coll.twice(ret=True).get() == [2 * x] * k
            f = charm.Future()
            coll.total(f)
            assert f.get() == x * k
        assert one.value(ret=True).get() == want
        f = charm.Future()
        one.total(f)
        assert f.get() == x
    b = Chare(Both, args=[0])
    assert b.mixed(1, ret=True).get() == (1, 2, (), 3, {})
    assert b.mixed(1, 4, 5, 6, ret=True).get() == (1, 4, (5, 6), 3, {})
    assert b.mixed(a=1, c=9, ret=True).get() == (1, 2, (), 9, {})
    assert b.mixed(1, z=8, b=7, ret=True).get() == (1, 7, (), 3, {'z': 8})
    print('OK')
    exit()


charm.start(main)
