"""§17: particles that wander between the cells of a torus over channels; none is lost; max by reduction to the main chare."""
import random

from charm4py import Array, Channel, Chare, Reducer, charm, coro

NX, NY, ITERS = 3, 4, 12


class Cell(Chare):
    def __init__(self, main):
        x, y = self.thisIndex
        self.main = main
        self.rng = random.Random(x * 100 + y)
        self.parts = [(x + self.rng.random(), y + self.rng.random(), (x, y, k)) for k in range(self.rng.randrange(10))]
        nb = {((x + dx) % NX, (y + dy) % NY) for dx in (-1, 0, 1) for dy in (-1, 0, 1)} - {(x, y)}
        self.nb = {i: Channel(self, remote=self.thisProxy[i]) for i in sorted(nb)}
        self.contribute(len(self.parts), Reducer.sum, self.main.initial)

    @coro
    def run(self):
        for it in range(ITERS):
            out = {i: [] for i in self.nb}
            stay = []
            for px, py, tag in self.parts:
                px = (px + self.rng.uniform(-1, 1) * 0.9) % NX
                py = (py + self.rng.uniform(-1, 1) * 0.9) % NY
                cell = (int(px) % NX, int(py) % NY)
                (stay if cell == self.thisIndex else out[cell]).append((px, py, tag))
            for i, ch in self.nb.items():
                ch.send(out[i])
            self.parts = stay
            for ch in charm.iwait(list(self.nb.values())):
                self.parts += ch.recv()
            if it % 4 == 0:
                self.reduce(self.main.report, len(self.parts), Reducer.max)
            if it % 5 == 0:
                self.allreduce().get()
        self.contribute([p[2] for p in self.parts], Reducer.gather, self.main.done)


class Main(Chare):
    def __init__(self, args):
        self.reports, self.total, self.tags = [], None, None
        cells = Array(Cell, (NX, NY), args=[self.thisProxy])
        charm.awaitCreation(cells)
        self.wait('self.total is not None')
        cells.run()
        self.wait('self.tags is not None and len(self.reports) == 3')
        flat = [t for tags in self.tags for t in tags]
        assert len(flat) == self.total == len(set(flat))
        assert all(r <= self.total for r in self.reports)
        print('OK')
        exit()

    def initial(self, n):
        self.total = n

    def report(self, m):
        self.reports.append(m)

    def done(self, tags):
        self.tags = tags


charm.start(Main)
