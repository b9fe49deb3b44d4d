"""A condition of @when raises. Rows: §3.1, §8. Ends with status 1."""

from charm4py import charm, Chare, when


class A(Chare):

    @when("self.nope == 3")
    def w(self):
        pass


def main(args):
    a = Chare(A, onPE=charm.numPes() - 1)
    a.w()


charm.start(main)
