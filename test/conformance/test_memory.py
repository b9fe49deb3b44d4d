"""Issue 3, done when 6: a million calls, futures, channel messages and coroutines later every PE is as large as before."""

from __future__ import annotations

import os

import pytest
from harness import holds

PROGRAM = """
from chariot import Channel, when

def size():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4

class E(Chare):
    def __init__(self):
        self.calls = 0
        self.turn = 0
        self.channel = Channel(self, remote=self.thisProxy[charm.numPes() - 1 - self.thisIndex])
    def call(self, *args):
        self.calls += 1
    def give(self, value):
        return value
    @coro
    def waits(self, future):
        return future.get()
    async def awaits(self, future):
        return await future
    @when("self.turn == turn")
    def in_turn(self, turn):
        self.turn += 1
    def reset(self):
        self.turn = 0
    @coro
    def stream(self, count):
        for k in range(count):
            self.channel.send(k)
        for k in range(count):
            self.channel.recv()
    @coro
    def sums(self, count):
        for k in range(count):
            self.allreduce(1, Reducer.sum).get()
    def size(self):
        return size()

BATCH = 1000

def calls(e, count):
    for k in range(0, count, BATCH):
        for i in range(BATCH - 1):
            e.call(i)
        e.call(awaitable=True).get()

def arrays(e, count):
    a = np.zeros(200)
    for k in range(0, count, BATCH):
        for i in range(BATCH - 1):
            e.call(a, {"x": i})
        e.call(awaitable=True).get()

def futures(e, count):
    for k in range(0, count, BATCH):
        charm.wait([e.give(i, ret=True) for i in range(BATCH)])

def sent(e, count):
    for k in range(0, count, BATCH):
        futures = [Future() for i in range(BATCH)]
        for f in futures:
            e.call(f)
            f.send(k)
        e.call(awaitable=True).get()
        charm.wait(futures)

def coroutines(e, count):
    for k in range(0, count, BATCH):
        go = Future()
        ends = [e.waits(go, ret=True) for i in range(BATCH)]
        go.send(k)
        charm.wait(ends)

def asyncs(e, count):
    for k in range(0, count, BATCH):
        go = Future()
        ends = [e.awaits(go, ret=True) for i in range(BATCH)]
        go.send(k)
        charm.wait(ends)

def whens(e, count):
    for k in range(0, count, BATCH):
        charm.wait([e.in_turn(k + (i ^ 1), awaitable=True) for i in range(BATCH)])
    e.reset(awaitable=True).get()

def channels(e, count):
    for k in range(0, count, BATCH):
        group.stream(BATCH, awaitable=True).get()

def reductions(e, count):
    for k in range(0, count, BATCH):
        group.sums(BATCH, awaitable=True).get()

def timers(e, count):
    for k in range(0, count, BATCH):
        futures = [Future() for i in range(BATCH)]
        for f in futures:
            charm.scheduleCallableAfter(f, 0)
        charm.wait(futures)

def chares(e, count):
    for k in range(0, count, BATCH):
        array = Array(E2, BATCH)
        charm.awaitCreation(array)
        array.destroy(awaitable=True).get()

def sections(e, count):
    array = Array(E2, 4)
    for k in range(0, count, BATCH):
        for i in range(BATCH // 50):
            made = charm.split(array, 2, lambda chare: chare.thisIndex[0] % 2)
            made += [array[i % 3 :], charm.combine(array, group), group[:1]]
            for section in made[:3]:
                section.sum(section, f := Future())
                f.get()
            for section in made:
                section.destroy()
    charm.waitQD()
    array.destroy(awaitable=True).get()

def tasks(e, count):
    for k in range(0, count, BATCH):
        charm.pool.map(abs, range(BATCH))

class E2(Chare):
    def sum(self, section, future):
        self.reduce(future, 1, Reducer.sum, section)

def main(args):
    global group
    what, count = globals()[args[1]], int(args[2])
    group = Group(E)
    e = group[charm.numPes() - 1]
    what(e, 60_000)  # the queues and malloc's arenas reach the sizes that they keep
    before = group.size(ret=True).get()
    what(e, count)
    after = group.size(ret=True).get()
    for pe, (b, a) in enumerate(zip(before, after)):
        check(f"PE {pe}: {b} KiB before, {a} KiB after", a <= b * 1.02)
    done()

charm.start(main)
"""

KINDS = {
    "calls": 1_000_000,
    "arrays": 200_000,
    "futures": 1_000_000,
    "sent": 200_000,
    "coroutines": 1_000_000,
    "asyncs": 1_000_000,
    "whens": 200_000,
    "channels": 1_000_000,
    "reductions": 100_000,
    "timers": 200_000,
    "chares": 500_000,
    "sections": 500_000,
    "tasks": 500_000,
}


@pytest.mark.parametrize("n", [1, 2])
@pytest.mark.parametrize("kind", KINDS)
def test_memory_stays(kind: str, n: int) -> None:
    count = KINDS[kind] if "CHARIOT_TEST_FULL" in os.environ else KINDS[kind] // 10
    holds(PROGRAM, n, args=[kind, str(count)], timeout=200)
