"""sys.exit(5) in a coroutine of the last PE. Row: §3.1. Ends with status 5."""

import sys
from charm4py import charm, Chare, Group, coro


class X(Chare):

    @coro
    def stop(self):
        charm.sleep(0.01)
        sys.exit(5)


def main(args):
    g = Group(X)
    g[charm.numPes() - 1].stop()


charm.start(main)
