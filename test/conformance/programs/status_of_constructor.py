"""A constructor raises while its creation is awaited. Row: §3.1. Ends with status 1."""

from charm4py import charm, Chare


class A(Chare):

    def __init__(self):
        raise ValueError("in ctor")


def main(args):
    a = Chare(A, onPE=charm.numPes() - 1)
    charm.awaitCreation(a)


charm.start(main)
