"""Mappers, reducers by hash, a reducer of dicts with post. Rows: §3.4, §10."""

from charm4py import charm, Chare, Array, Reducer, Future
from collections import Counter
import zlib


def merge(cs):
    out = Counter()
    for c in cs:
        out.update(c)
    return out


Reducer.addReducer(merge, post=lambda c: dict(c))


class Mapper(Chare):

    def map(self, text, reds, nred):
        for w in text.split():
            reds[zlib.crc32(w.encode()) % nred].add(w, 1)


class Red(Chare):

    def __init__(self):
        self.c = Counter()

    def add(self, w, k):
        self.c[w] += k

    def collect(self, cb):
        self.reduce(cb, self.c, Reducer.merge)


def main(args):
    texts = ["the quick brown fox", "the lazy dog the", "fox fox dog"] * 5
    m = Array(Mapper, len(texts))
    r = Array(Red, 6)
    for i, t in enumerate(texts):
        m[i].map(t, r, nred=6)
    charm.waitQD()
    f = Future()
    r.collect(f)
    got = f.get()
    assert type(got) is dict and got == dict(Counter(" ".join(texts).split())), got
    print("OK")
    exit()


charm.start(main)
