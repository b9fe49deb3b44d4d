"""Who this process was is known before the job and after it, to what runs at the end of Python. Row: §3.2."""

import atexit

from charm4py import charm, Group, Chare

assert 0 <= charm.myPe() < charm.numPes()


class Member(Chare):
    def who(self):
        return charm.myPe(), charm.numPes()


def at_exit():
    if charm.myPe() == charm.numPes() - 1:
        print("OK")


def main(args):
    assert Group(Member).who(ret=True).get() == [(pe, charm.numPes()) for pe in range(charm.numPes())]
    exit()


atexit.register(at_exit)
charm.start(main)
