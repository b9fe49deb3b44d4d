"""A coroutine waits for what never comes. Row: §0 hang. Ends with status 75."""

from charm4py import charm, Chare, Group, coro


class A(Chare):

    @coro
    def go(self):
        self.wait("False")


def main(args):
    g = Group(A)
    g[charm.numPes() - 1].go(awaitable=True).get()


charm.start(main)
