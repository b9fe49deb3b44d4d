"""Quiescence ends the job. Rows: §3.4, §3.5 exit. Ends with status 0."""

from charm4py import charm, Chare, Array


class A(Chare):

    def hop(self, k):
        if k:
            self.thisProxy[(self.thisIndex[0] + 1) % 10].hop(k - 1)


def main(args):
    Array(A, 10)[0].hop(100)
    charm.startQD(charm.thisProxy[0].exit)


charm.start(main)
