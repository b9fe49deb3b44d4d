"""§17: pi by a group's future reduction (README), with arguments of every numeric type; several jobs in a loop."""
from math import pi

from charm4py import Chare, Future, Group, Reducer, charm


class Worker(Chare):
    def work(self, n_steps, pi_future):
        h = 1.0 / n_steps
        s = 0.0
        for i in range(self.thisIndex, n_steps, charm.numPes()):
            x = h * (i + 0.5)
            s += 4.0 / (1.0 + x ** 2)
        self.reduce(pi_future, s * h, Reducer.sum)


def main(args):
    for n in (1000, 10000):
        f = Future()
        Group(Worker).work(n, f)
        assert abs(f.get() - pi) < 1e-5
    print('OK')
    exit()


charm.start(main)
