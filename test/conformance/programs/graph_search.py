"""A search floods a graph until quiescence. Rows: §3.4, §10 gather."""

from charm4py import charm, Chare, Array, Reducer


def nbrs(v):
    return [(2 * v + 1) % 500, (3 * v + 7) % 500, (v + 250) % 500]


class V(Chare):

    def __init__(self):
        self.d = -1

    def visit(self, d):
        if self.d == -1 or d < self.d:
            self.d = d
            for u in nbrs(self.thisIndex[0]):
                self.thisProxy[u].visit(d + 1)

    def collect(self, cb):
        self.contribute(self.d, Reducer.gather, cb)


class Main(Chare):

    def __init__(self, args):
        self.a = Array(V, 500)
        self.a[0].visit(0)
        charm.startQD(self.thisProxy.done)

    def done(self):
        self.a.collect(self.thisProxy.result)

    def result(self, ds):
        ref = {0: 0}
        q = [0]
        for v in q:
            for u in nbrs(v):
                if u not in ref:
                    ref[u] = ref[v] + 1
                    q.append(u)
        assert ds == [ref.get(i, -1) for i in range(500)]
        print("OK")
        exit()


charm.start(Main)
