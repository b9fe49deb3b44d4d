"""§11 §8 §3.4: coroutine constructors that talk over channels to their neighbours; awaitCreation waits for all that."""
from charm4py import Array, Channel, Chare, charm, coro


class Cell(Chare):
    @coro
    def __init__(self, n):
        i = self.thisIndex[0]
        self.nb = {}
        for j in (i - 1, i + 1):
            if 0 <= j < n:
                self.nb[j] = Channel(self, remote=self.thisProxy[j])
        for ch in self.nb.values():
            ch.send(i * i)
        self.got = {}
        for ch in charm.iwait(list(self.nb.values())):
            j = [k for k, v in self.nb.items() if v is ch][0]
            self.got[j] = ch.recv()
        self.ready = True

    def check(self):
        assert self.ready
        return self.got


def main(args):
    n = 11
    a = Array(Cell, n, args=[n])
    charm.awaitCreation(a)
    for i, got in enumerate(a.check(ret=True).get()):
        assert got == {j: j * j for j in (i - 1, i + 1) if 0 <= j < n}
    try:
        charm.awaitCreation(a)
    except Exception as e:
        assert type(e).__name__ == 'Charm4PyError', e
    else:
        raise RuntimeError
    print('OK')
    exit()


charm.start(main)
