"""Dining philosophers; forks are granted by futures. Rows: §5 awaitable, §7."""

from charm4py import charm, Chare, Array, coro, Future


class Fork(Chare):

    def __init__(self):
        self.held = False
        self.q = []

    @coro
    def take(self):
        if self.held:
            f = Future()
            self.q.append(f)
            f.get()
        assert not self.held
        self.held = True

    def put(self):
        self.held = False
        if self.q:
            self.q.pop(0).send()


class Ph(Chare):

    @coro
    def dine(self, forks, n, meals):
        i = self.thisIndex[0]
        a, b = sorted((i, (i + 1) % n))
        for _ in range(meals):
            forks[a].take(awaitable=True).get()
            forks[b].take(awaitable=True).get()
            charm.sleep(0.0005)
            forks[b].put()
            forks[a].put()
        return meals


def main(args):
    n = 5
    forks = Array(Fork, n)
    p = Array(Ph, n)
    assert p.dine(forks, n, 6, ret=True).get() == [6] * n
    print("OK")
    exit()


charm.start(main)
