"""Falsy, slotted, abstract, generic and dataclass chares; methods named as the runtime names its own. Rows: §4.1, §4.4."""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Generic, TypeVar
from charm4py import charm, Chare, Array, Group, coro, when, Future, Reducer

T = TypeVar("T")


class Falsy(Chare):

    def __init__(self):
        self.x = 0
        self.items = []

    def __len__(self):
        return 0

    def __bool__(self):
        return False

    def __eq__(self, o):
        return True

    def __hash__(self):
        return 1

    @when("self.x == k")
    def w(self, k):
        self.x += 1
        return k

    @coro
    def c(self):
        self.wait("self.x == 2")
        charm.sleep(0.001)
        return self.allreduce(1, Reducer.sum).get()

    def r(self, cb):
        self.reduce(cb, 1, Reducer.sum)


class Slots(Chare):
    __slots__ = ("a", "b")

    def __init__(self):
        self.a = 1
        self.b = 2

    def get(self):
        return self.a + self.b


class Abs(Chare):

    @abstractmethod
    def f(self): ...


class Conc(Abs):

    def f(self):
        return "f"


class Gen(Chare, Generic[T]):

    def g(self, x: T) -> T:
        return x


@dataclass
class Data(Chare):
    a: int = 3
    b: str = "x"

    def get(self):
        return (self.a, self.b)


class Getattr(Chare):

    def __getattr__(self, n):
        if n.startswith("dyn"):
            return n
        raise AttributeError(n)

    def d(self):
        return self.dynamic


class Names(Chare):

    def exit(self):
        return "exit"

    def send(self, x):
        return ("send", x)

    def get(self):
        return "get"

    def ready(self):
        return "ready"

    def start(self):
        return "start"

    def type(self):
        return "type"

    def name(self):
        return "name"

    def ret_(self):
        return "ret_"

    def myPe(self):
        return "mype"

    def gather(self):
        return "gather"

    def destroy(self, x=1):
        return ("destroyed", x)

    def update(self, self_=1, args=2, method=3, msg=4):
        return (self_, args, method, msg)


class Ann(Chare):

    def __init__(self, x: "list[int]" = None, *rest: int, **kw: str) -> None:
        self.a = (x, rest, kw)

    def get(self) -> tuple:
        return self.a


def main(args):
    n = charm.numPes()
    f = Group(Falsy)
    fs = [f.w(1, ret=1), f.w(0, ret=1), f.c(ret=1)]
    assert fs[0].get() == [1] * n and fs[1].get() == [0] * n and (fs[2].get() == [n] * n)
    x = Future()
    f.r(x)
    assert x.get() == n
    a = Array(Falsy, 5)
    assert a.w(0, ret=1).get() == [0] * 5
    s = Chare(Falsy, onPE=n - 1)
    assert s.w(0, ret=1).get() == 0
    assert Group(Slots).get(ret=1).get() == [3] * n
    assert Group(Conc).f(ret=1).get() == ["f"] * n
    assert Array(Gen, 2).g(4, ret=1).get() == [4, 4]
    assert Group(Data).get(ret=1).get() == [(3, "x")] * n and Chare(Data, args=[5, "y"]).get(ret=1).get() == (5, "y")
    assert Group(Getattr).d(ret=1).get() == ["dynamic"] * n
    p = Array(Names, 3)[2]
    for m in ("exit", "get", "ready", "start", "type", "name", "ret_", "gather"):
        assert getattr(p, m)(ret=1).get() == m
    assert p.send(3, ret=1).get() == ("send", 3)
    assert p.update(args=7, ret=1).get() == (1, 7, 3, 4)
    assert p.destroy(ret=1).get() == ("destroyed", 1)
    assert Chare(Ann, args=[[1], 2, 3]).get(ret=1).get() == ([1], (2, 3), {})
    print("OK")
    exit()


charm.start(main)
