"""§4.5 §10: all-to-all exchanges in rounds, with counts kept by conditions; everyone waits for quiescence at once."""
from charm4py import Array, Chare, Group, Reducer, charm, coro


class Node(Chare):
    @coro
    def __init__(self, n):
        self.n = n
        self.got = {}
        self.round = 0

    @coro
    def run(self, rounds):
        for r in range(rounds):
            for j in range(self.n):
                self.thisProxy[j].data(r, self.thisIndex[0], [r] * 10)
            self.wait('len(self.got.get(self.round, ())) == self.n')
            got = self.got.pop(self.round)
            assert sorted(got) == list(range(self.n))
            self.round += 1
        return self.allreduce(self.round, Reducer.sum).get()

    def data(self, r, src, payload):
        assert payload == [r] * 10
        self.got.setdefault(r, []).append(src)

    @coro
    def quiet(self):
        charm.waitQD()
        return True


def main(args):
    n = 12
    a = Array(Node, n, args=[n])
    assert a.run(15, ret=True).get() == [15 * n] * n
    assert a.quiet(ret=True).get() == [True] * n
    print('OK')
    exit()


charm.start(main)
