"""A reducer raises. Rows: §3.1, §10. Ends with status 1."""

from charm4py import charm, Chare, Group, Future, Reducer


def bad(c):
    raise ValueError("bad reducer")


Reducer.addReducer(bad)


class A(Chare):

    def r(self, cb):
        self.reduce(cb, 1, Reducer.bad)


def main(args):
    a = Group(A)
    f = Future()
    a.r(f)
    f.get()


charm.start(main)
