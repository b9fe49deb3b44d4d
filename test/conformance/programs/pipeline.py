"""Stages that take items in order, and a producer that waits for acknowledgements. Rows: §8, §4.3."""

from charm4py import charm, Chare, coro, Future, when


class Stage(Chare):

    def __init__(self, n, nxt=None, done=None):
        self.n, self.nxt, self.done, self.next_id, self.acks = (n, nxt, done, 0, 0)
        self.out = []

    @when("self.next_id == i")
    @coro
    def item(self, i, v, frm=None):
        v2 = v + [self.thisIndex]
        if self.nxt:
            self.nxt.item(i, v2, self.thisProxy)
        else:
            self.out.append((i, v2))
        if frm:
            frm.ack(i)
        self.next_id += 1
        if len(self.out) == self.n:
            self.done(self.out)

    def ack(self, i):
        self.acks += 1

    @coro
    def produce(self):
        for i in range(self.n):
            self.wait("self.acks > %d" % (i - 3))
            self.nxt.item(i, [], self.thisProxy)
        self.wait("self.acks == self.n")
        return self.acks


def main(args):
    n = charm.numPes()
    done = Future()
    st = Chare(Stage, args=[30, None, done], onPE=n - 1)
    for k in range(4):
        st = Chare(Stage, args=[30, st], onPE=k % n)
    r = st.produce(ret=True).get()
    assert r == 30
    out = done.get()
    assert [i for i, _ in out] == list(range(30)) and all((v == [(0,)] * 4 for _, v in out)), out[:3]
    print("OK")
    exit()


charm.start(main)
