"""A reduction ends the job with its result. Row: §10 targets. Ends with status 7."""

from charm4py import charm, Chare, Array, Reducer


class A(Chare):

    def go(self):
        self.reduce(charm.thisProxy[0].exit, 1, Reducer.sum)


def main(args):
    a = Array(A, 7)
    a.go()


charm.start(main)
