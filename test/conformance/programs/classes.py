"""A class made in a function and one that was imported. Row: §3.1 classes."""

from charm4py import charm, Chare, Group
from parts.hello import Same


def mk():

    class Local(Chare):

        def v(self):
            return "local"

    return Local


L = mk()
del L
LL = [mk()]


def main(args):
    assert Group(LL[0])[0].v(ret=True).get() == "local"
    assert Group(Same)[0].who(ret=True).get() == "hello.Same"
    print("OK")
    exit()


charm.start(main, classes=LL)
