"""Proxies, futures and bound methods within objects; values of the standard library. Rows: §5.2, §5.4."""

from charm4py import charm, Chare, Group, Array, coro, Future
from collections import namedtuple, OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
import enum, datetime, decimal, fractions, uuid, pathlib

Pt = namedtuple("Pt", "x y")


class Color(enum.Enum):
    RED = 1


@dataclass
class Cfg:
    name: str
    proxies: dict = field(default_factory=dict)
    cbs: list = field(default_factory=list)


class W(Chare):

    def __init__(self, cfg=None):
        self.cfg = cfg
        self.d = {}

    def use(self, cfg, v):
        for k, p in cfg.proxies.items():
            p.store(k, v)
        for cb in cfg.cbs:
            cb(v)

    @coro
    def useAll(self, o):
        return o["p"][0].get(o["k"], ret=True).get()

    def store(self, k, v):
        self.d[k] = v

    def get(self, k):
        return self.d.get(k)

    def echo(self, x):
        return x


def main(args):
    n = charm.numPes()
    g = Group(W)
    a = Array(W, 4)
    s = Chare(W)
    f = Future(2)
    cfg = Cfg("c", {"g": g[n - 1], "a": a[3], "s": s, "aa": a}, [f, f.send])
    g[n - 1].use(cfg, 7)
    f.get()
    charm.waitQD()
    assert g[n - 1].get("g", ret=True).get() == 7
    assert a[3].get("a", ret=True).get() == 7
    assert a.get("aa", ret=True).get() == [7] * 4
    assert g[0].useAll({"p": [a[3]], "k": "a"}, ret=True).get() == 7
    for x in (
        Pt(1, 2),
        OrderedDict(a=1),
        deque([1]),
        Color.RED,
        datetime.datetime(2020, 1, 1),
        decimal.Decimal("1.5"),
        fractions.Fraction(1, 3),
        uuid.UUID(int=5),
        pathlib.PurePath("/x"),
        [a, g, s],
        {g: 1, a[2]: 2},
        defaultdict(list, {1: [2]}),
    ):
        y = g[n - 1].echo(x, ret=True).get()
        assert y == x and type(y) is type(x), (x, y)
    m = g[n - 1].echo(a[1].echo, ret=True).get()
    assert m(5, ret=True).get() == 5
    l = []
    l.append(l)
    r = g[n - 1].echo({"self": l}, ret=True).get()
    assert r["self"][0] is r["self"]
    print("OK")
    exit()


charm.start(main)
