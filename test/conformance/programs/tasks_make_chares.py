"""§12 §0: tasks that create chares, groups and arrays, reduce over them and destroy them; results to the entry."""
from charm4py import Array, Chare, Future, Group, Reducer, charm, coro


class C(Chare):
    def __init__(self, k):
        self.k = k

    def total(self, f):
        self.contribute(self.k, Reducer.sum, f)


@coro
def use(k):
    made = [(Group(C, args=[k]), charm.numPes()), (Array(C, 5, args=[k]), 5), (Chare(C, args=[k]), 1)]
    out = []
    for p, n in made:
        f = Future()
        p.total(f)
        assert f.get() == n * k
        out.append(n)
        p.destroy(awaitable=True).get()
    return out


def main(args):
    assert charm.pool.map(use, range(20)) == [[charm.numPes(), 5, 1]] * 20
    print('OK')
    exit()


charm.start(main)
