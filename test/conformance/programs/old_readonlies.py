"""What the entry sets is there before any constructor. Row: §15."""

from charm4py import charm, Chare, Group, Array, readonlies as ro


class R(Chare):

    def __init__(self):
        assert ro.X == 1 and ro.cfg["a"] == [1]
        self.v = ro.X

    def get(self):
        return (self.v, ro.Y)


def main(args):
    ro.X = 1
    ro.cfg = {"a": [1]}
    ro.Y = "y"
    g = Group(R)
    a = Array(R, 5)
    charm.awaitCreation(g, a)
    assert g.get(ret=True).get() == [(1, "y")] * charm.numPes()
    print("OK")
    exit()


charm.start(main)
