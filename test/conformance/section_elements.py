"""Chares that programs about sections have: pass this text in front of theirs."""

ELEMENTS = """
from chariot import when

class E(Chare):
    def __init__(self):
        self.calls = 0
    def idx(self):
        return self.thisIndex
    def where(self):
        return charm.myPe()
    def add(self, x=1):
        self.calls += x
    def is_same(self, thing, number):
        return id(thing) == number
    def total(self):
        return self.calls
    def fails_at(self, index):
        if self.thisIndex == index:
            raise KeyError(f"at {index}")
        return self.thisIndex
    def give(self, section, target, reducer, data=None):
        self.reduce(target, self.value() if data is None else data, reducer, section)
    def give_old(self, section, target):
        self.contribute(1, Reducer.sum, target, section)
    def value(self):
        i = self.thisIndex
        return i if isinstance(i, int) else sum(x * 10**k for k, x in enumerate(i))
    @coro
    def agree(self, section, times=1):
        return [self.allreduce(self.value() + k, Reducer.sum, section).get() for k in range(times)]
    async def agree_async(self, section):
        return await self.allreduce(self.value(), Reducer.max, section)

class D(E):
    pass

def get(section, method="idx"):
    return getattr(section, method)(ret=True).get(timeout=40)

def reduced(section, reducer, data=None, over=None):
    f = Future()
    section.give(over or section, f, reducer, data)
    return f.get(timeout=40)
"""
