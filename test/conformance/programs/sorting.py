"""Odd-even transposition sort over channels. Row: §11."""

from charm4py import charm, Chare, Array, coro, Channel
import numpy as np


class S(Chare):

    @coro
    def sort(self, data, n):
        i = self.thisIndex[0]
        me = np.sort(data[i::n])
        ch = {}
        if i > 0:
            ch[i - 1] = Channel(self, remote=self.thisProxy[i - 1])
        if i < n - 1:
            ch[i + 1] = Channel(self, remote=self.thisProxy[i + 1])
        for ph in range(n + 1):
            p = i + 1 if (i + ph) % 2 == 0 else i - 1
            if p not in ch:
                continue
            ch[p].send(me)
            o = ch[p].recv()
            both = np.sort(np.concatenate([me, o]))
            me = both[: len(me)] if p > i else both[len(o) :]
        return me


def main(args):
    d = np.random.default_rng(5).integers(0, 1000, 120)
    a = Array(S, 8)
    r = a.sort(d, 8, ret=True).get()
    assert (np.concatenate(r) == np.sort(d)).all()
    print("OK")
    exit()


charm.start(main)
