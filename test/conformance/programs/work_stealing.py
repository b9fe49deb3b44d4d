"""Workers take work from each other until there is none. Rows: §5 ret, §3.4 sleep."""

from charm4py import charm, Chare, Group, coro


class W(Chare):

    def __init__(self):
        self.q = []
        self.done = 0

    def push(self, items):
        self.q.extend(items)

    def steal(self):
        return self.q.pop() if self.q else None

    @coro
    def run(self):
        n = charm.numPes()
        while True:
            t = self.q.pop() if self.q else None
            if t is None:
                for k in range(1, n):
                    t = self.thisProxy[(self.thisIndex + k) % n].steal(ret=True).get()
                    if t is not None:
                        break
            if t is None:
                return self.done
            self.done += t
            charm.sleep(0)


def main(args):
    g = Group(W)
    g[0].push(list(range(1, 200)), awaitable=True).get()
    assert sum(g.run(ret=True).get()) == 199 * 100
    print("OK")
    exit()


charm.start(main)
