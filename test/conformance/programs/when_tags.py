"""Tags of many types; those that become deliverable together are first in, first out. Rows: §0, §8."""

from charm4py import charm, Chare, when


class Cons(Chare):

    def __init__(self, tags):
        self.tags = list(tags)
        self.cur = self.tags[0]
        self.got = []
        self.need = 4

    @when("self.cur == tag")
    def put(self, tag, v, src=None):
        self.got.append((tag, v))
        if len(self.got) % self.need == 0 and len(self.got) // self.need < len(self.tags):
            self.cur = self.tags[len(self.got) // self.need]

    @when("len(self.got) == n")
    def result(self, n):
        return self.got


class Prod(Chare):

    def run(self, cons, tags):
        for t in reversed(tags):
            for v in range(4):
                cons.put(t, v)


def main(args):
    tags = ["a", 1, (1, 2), None, 2.5, frozenset([1]), b"x"]
    c = Chare(Cons, args=[tags], onPE=charm.numPes() - 1)
    p = Chare(Prod, onPE=0)
    p.run(c, tags)
    r = c.result(28, ret=True).get()
    assert [t for t, v in r] == [t for t in tags for _ in range(4)], r
    for k in range(7):
        assert [v for t, v in r[k * 4 : k * 4 + 4]] == [0, 1, 2, 3], r
    print("OK")
    exit()


charm.start(main)
