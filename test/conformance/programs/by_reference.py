"""With local_msg_optim arguments on the same PE are the objects themselves. Rows: §3.9, §0."""

from charm4py import charm, Chare, Group

charm.options.local_msg_buf_size = 10000


class A(Chare):

    def mod(self, l, k=None):
        l.append(1)
        return l

    def unp(self, f):
        return f()


def main(args):
    g = Group(A)
    l = []
    r = g[0].mod(l, ret=1).get()
    assert l == [1] and r is l
    x = 5
    assert g[0].unp(lambda: x + 1, ret=1).get() == 6

    class Local:
        pass

    o = Local()
    o.append = l.append
    assert g[0].mod(o, ret=1).get() is o
    print("OK")
    exit()


charm.start(main)
