"""§8: thousands of messages buffered by each class of condition, from all PEs; first in, first out among equals."""
from charm4py import Array, Chare, Group, Reducer, charm, coro, when


class R(Chare):
    def __init__(self):
        self.step = 0
        self.count = 0
        self.gate = False
        self.tags = []
        self.first = []

    @when('self.step == step')
    def tagged(self, step, src):
        self.tags.append((step, src))
        self.count += 1
        if self.count == charm.numPes():
            self.count = 0
            self.step += 1

    @when('self.gate')
    def gated(self, x):
        self.first.append(x)

    @when('x % 7 == self.step % 7 and self.gate')
    def predicate(self, x):
        self.first.append(x)

    def open(self, v=True):
        self.gate = v

    def take(self):
        out = self.tags, self.first
        self.tags, self.first = [], []
        return out

    def reset(self):
        self.step = 0


class S(Chare):
    def send(self, target, n):
        for i in reversed(range(n)):
            target.tagged(i, self.thisIndex)

    def gate(self, target, n):
        for i in range(n):
            target.gated((self.thisIndex, i))


def main(args):
    n, k = charm.numPes(), 1000
    r, s = Chare(R, onPE=n - 1), Group(S)
    s.send(r, k)
    charm.waitQD()
    tags, _ = r.take(ret=True).get()
    assert [t for t, _ in tags] == [i for i in range(k) for _ in range(n)]
    assert all(sorted(p for _, p in tags[i * n:(i + 1) * n]) == list(range(n)) for i in range(k))
    s.gate(r, k)
    charm.waitQD()
    r.open()
    charm.waitQD()
    _, first = r.take(ret=True).get()
    assert len(first) == n * k
    for pe in range(n):
        assert [i for p, i in first if p == pe] == list(range(k))
    r.reset()
    for x in range(200):
        r.predicate(x)
    charm.waitQD()
    _, first = r.take(ret=True).get()
    assert first == [x for x in range(200) if x % 7 == 0]
    print('OK')
    exit()


charm.start(main)
