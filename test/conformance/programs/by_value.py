"""Without local_msg_optim the receiver has a copy. Row: §3.9."""

from charm4py import charm, Chare, Group

charm.options.local_msg_optim = False
charm.options.quiet = True


class A(Chare):

    def mod(self, l):
        l.append(1)
        return len(l)


def main(args):
    g = Group(A)
    l = []
    assert g[0].mod(l, ret=1).get() == 1
    assert l == []
    print("OK")
    exit()


charm.start(main)
