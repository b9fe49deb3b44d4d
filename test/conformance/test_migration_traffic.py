"""Issue 6: elements of an array move, 100,000 times in the long run, under calls, broadcasts, channels, reductions, futures
and sections. Nothing is lost, doubled or out of order, and the results are those of the run in which nothing moves.

`make check-migration-python` runs the long one (CHARIOT_MIGRATIONS); `make check` a sample."""

from __future__ import annotations

import os
import re

import pytest
from harness import holds

MIGRATIONS = int(os.environ.get("CHARIOT_MIGRATIONS", "1000"))
PES = tuple(map(int, os.environ.get("CHARIOT_TEST_PES", "1,2,3,4").split(",")))

PROGRAM = """
SIZE, CALLS = 24, 5
ROUNDS, SHARE, SEED = int(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])

class Walker(Chare):
    def __init__(self, drivers):
        i = self.thisIndex[0]
        self.seen = [0] * drivers  # calls of each driver
        self.ticks = self.sent = self.heard = self.moves = self.sum = self.answers = 0
        self.right = Channel(self, self.thisProxy[(i + 1) % SIZE])
        self.left = Channel(self, self.thisProxy[(i - 1) % SIZE])
        self.sums, self.asked = [], []
        self.tocks = 0
        self.data = np.arange(i, i + 300)
        self.wrong = []
        self.next = 1 + i
    def die(self):
        self.next = (self.next * 1103515245 + 12345 + SEED) % 2**31
        return self.next / 2**31
    def roam(self):
        if self.die() < SHARE:
            self.migrate(int(self.die() * charm.numPes()))
    def migrated(self):
        self.moves += 1
        if self.die() < SHARE / 4:  # on at once
            self.roam()
    def call(self, driver, number, data):
        if number != self.seen[driver] + 1 or len(data) != number % 50:
            self.wrong.append(("call", driver, number, self.seen[driver]))
        self.seen[driver] = number
        self.sum += number
        self.roam()
        return number
    def answer(self, x):
        self.roam()
        return x + 1
    def tick(self, number, done):
        if number != self.ticks + 1:
            self.wrong.append(("tick", number, self.ticks))
        self.ticks = number
        self.reduce(done, np.array([number, self.thisIndex[0], int(self.data[0])]), Reducer.sum)
        self.right.send("left", number, np.full(20, number))
        if number % 3 == 0:
            self.sums.append((number, self.allreduce(number * self.thisIndex[0], Reducer.sum)))
            self.asked.append((number, self.thisProxy[(self.thisIndex[0] + number) % SIZE].answer(number, ret=True)))
        self.roam()
        return self.thisIndex[0] + number
    def tock(self, number, half, done):
        if number != self.tocks + 1:
            self.wrong.append(("tock", number, self.tocks))
        self.tocks = number
        self.reduce(done, [number, self.thisIndex[0]], Reducer.sum, section=half)
        self.roam()
        return self.thisIndex[0] * number
    def hear(self):
        while self.left.ready():
            what, number, data = self.left.recv()
            if number != self.heard + 1 or what != "left" or data.sum() != 20 * number:
                self.wrong.append((what, number, self.heard))
            self.heard = number
        self.roam()
    @coro
    def finish(self):
        while self.heard < self.ticks:
            what, number, data = self.left.recv()
            if number != self.heard + 1:
                self.wrong.append((what, number, self.heard))
            self.heard = number
        for number, future in self.sums:
            if future.get() != number * SIZE * (SIZE - 1) // 2:
                self.wrong.append(("allreduce", number))
        for number, future in self.asked:
            self.answers += future.get()
        if self.data.tolist() != list(range(self.thisIndex[0], self.thisIndex[0] + 300)):
            self.wrong.append("data")
        return self.wrong, (self.thisIndex[0], self.seen, self.ticks, self.tocks, self.heard, self.sum, self.answers), self.moves

class Driver(Chare):
    @coro
    def drive(self, walkers):
        wait = []
        for number in range(1, ROUNDS + 1):
            for i in range(SIZE):
                for k in range(CALLS):
                    at = (number - 1) * CALLS + k + 1
                    last = k == CALLS - 1 and number % 10 == 0
                    f = walkers[i].call(charm.myPe(), at, bytes(at % 50), ret=last)
                    if last: wait.append((at, f))
            if number % 10 == 0:
                for at, f in wait:
                    assert f.get() == at
                wait = []

def main(args):
    n = charm.numPes()
    walkers, drivers = Array(Walker, SIZE, args=[n]), Group(Driver)
    charm.awaitCreation(walkers)
    halves = charm.split(walkers, 2, lambda walker: walker.thisIndex[0] % 2)
    driving = drivers.drive(walkers, awaitable=True)
    for number in range(1, ROUNDS + 1):
        done = Future()
        lists = walkers.tick(number, done, ret=True)
        walkers.hear()
        asked = [(Future(), half) for half in halves]
        lists_of_halves = [half.tock(number, half, f, ret=True) for f, half in asked]
        for odd in range(2):
            ours = range(odd, SIZE, 2)
            got = list(asked[odd][0].get())
            if got != [number * len(ours), sum(ours)]: eq("reduction of a section", got, [number * len(ours), sum(ours)])
            got = lists_of_halves[odd].get()
            if got != [i * number for i in ours]: eq("results of a section", got, [i * number for i in ours])
        got = done.get().tolist()
        whole = SIZE * (SIZE - 1) // 2
        if got != [number * SIZE, whole, whole]: eq("reduction", got, [number * SIZE, whole, whole])
        got = lists.get()
        if got != [i + number for i in range(SIZE)]: eq("results", got, [i + number for i in range(SIZE)])
    driving.get()
    charm.waitQD()
    ends = walkers.finish(ret=True).get()
    eq("finish", [end for end in ends if isinstance(end, Exception)], [])
    for wrong, _, _ in ends:
        eq("wrong", wrong[:3], [])
    import hashlib
    print("moves", sum(moves for _, _, moves in ends))
    print("results", hashlib.sha256(repr([result for _, result, _ in ends]).encode()).hexdigest())
    done_()

from checks import done as done_
charm.start(main)
"""


def outcome(n: int, rounds: int, share: float, seed: int) -> tuple[int, str]:
    said = holds(PROGRAM, n, args=[str(rounds), str(share), str(seed)], timeout=1800).stdout
    moves, results = re.search(r"moves (\d+)", said), re.search(r"results (\w+)", said)
    assert moves and results
    return int(moves[1]), results[1]


@pytest.mark.parametrize("n", PES)
def test_results_are_those_of_a_run_without_migration(n: int) -> None:
    """§13: nearly every call, broadcast and answer moves its element; each PE sends 5 calls a round to each."""
    rounds = MIGRATIONS // 20
    moves, results = outcome(n, rounds, 0.9, 1)
    assert outcome(n, rounds, 0.0, 1) == (0, results)
    assert moves >= MIGRATIONS if n > 1 else moves == 0
