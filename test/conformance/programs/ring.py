"""A token goes round a group three times and its last receiver ends the job. Rows: §3.1 entry function, exit(); §5.1."""

from charm4py import charm, Chare, Group


class Hello(Chare):

    def __init__(self, rounds):
        self.rounds = rounds
        self.seen = 0

    def say(self, hops):
        self.seen += 1
        hops.append(self.thisIndex)
        last = self.thisIndex == charm.numPes() - 1
        if last and self.seen == self.rounds:
            assert hops == list(range(charm.numPes())) * self.rounds
            print("OK")
            exit()
        self.thisProxy[(self.thisIndex + 1) % charm.numPes()].say(hops)


def main(args):
    g = Group(Hello, args=[3])
    g[0].say([])


charm.start(main)
