"""The job ends while megabytes are under way. Row: §3.1. Ends with status 4."""

from charm4py import charm, Chare, Group
import numpy as np


class A(Chare):

    def spam(self, x, k):
        if k == 0:
            charm.exit(4)
        for pe in range(charm.numPes()):
            self.thisProxy[pe].spam2(x, k - 1)
        if self.thisIndex == 0:
            self.thisProxy[(self.thisIndex + 1) % charm.numPes()].spam(x, k - 1)
        else:
            self.thisProxy[0].spam(x, k - 1)

    def spam2(self, x, k):
        pass


def main(args):
    g = Group(A)
    g.spam(np.zeros(200000), 20)


charm.start(main)
