"""What a message between two PEs costs in Python. Run on 2 PEs; the argument names the lane (unix, tcp)."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench import Clock, report

from chariot import Chare, Future, Group, charm, coro

ONE_WAY = 200_000


class Peer(Chare):
    def __init__(self) -> None:
        self.other = self.thisProxy[1 - charm.myPe()]
        self.left = 0
        self.done: Any = None

    def start(self, trips: int, data: Any, done: Any) -> None:
        """Sends the first of `trips` pings; the last pong completes `done`."""
        self.left, self.done = trips, done
        if data is None:
            self.other.ping()
        else:
            self.other.ping_with(data)

    def ping(self) -> None:
        self.other.pong()

    def pong(self) -> None:
        self.left -= 1
        if self.left:
            self.other.ping()
        else:
            self.done.send()

    def ping_with(self, data: Any) -> None:
        self.other.pong_with(data)

    def pong_with(self, data: Any) -> None:
        self.left -= 1
        if self.left:
            self.other.ping_with(data)
        else:
            self.done.send()

    def nothing(self) -> None:
        pass

    def drop(self, value: Any) -> None:
        pass

    @coro
    def answer(self) -> int:
        return 1

    def fail(self) -> None:
        raise ValueError("as asked for")


def round_trip(peers: Any, trips: int, data: Any = None) -> float:
    for count in (trips // 10, trips):
        done = Future()
        clock = Clock()
        peers[0].start(count, data, done)
        done.get()
    return clock.us_per(trips)


def one_way(peer: Any, count: int, data: Any = None) -> float:
    clock = Clock()
    if data is None:
        for _ in range(count):
            peer.nothing()
    else:
        for _ in range(count):
            peer.drop(data)
    peer.nothing(awaitable=True).get()
    return clock.millions_per_second(count)


def bandwidth(peer: Any, count: int, data: Any) -> float:
    peer.drop(data, awaitable=True).get()
    return one_way(peer, count, data) * float(data.nbytes) / 1e3


def awaited(peer: Any, trips: int) -> float:
    for count in (trips // 10, trips):
        clock = Clock()
        for _ in range(count):
            peer.answer(ret=True).get()
    return clock.us_per(trips)


def failing(peer: Any, trips: int) -> float:
    clock = Clock()
    for _ in range(trips):
        try:
            peer.fail(ret=True).get()
        except ValueError:
            pass
    return clock.us_per(trips)


def main(args: list[str]) -> None:
    lane = args[1]
    peers = Group(Peer)
    charm.awaitCreation(peers)
    kib, kib64, mib = (np.arange(size // 8, dtype=np.float64) for size in (1 << 10, 1 << 16, 1 << 20))
    report(f"py.{lane}.rtt.0", round_trip(peers, 5000))
    report(f"py.{lane}.rtt.1k.bytes", round_trip(peers, 5000, bytes(1024)))
    report(f"py.{lane}.rtt.1k", round_trip(peers, 5000, kib))
    report(f"py.{lane}.rtt.64k", round_trip(peers, 1000, kib64))
    report(f"py.{lane}.rtt.1m", round_trip(peers, 100, mib))
    report(f"py.{lane}.rtt.ret", awaited(peers[1], 5000))
    report(f"py.{lane}.rtt.exception", failing(peers[1], 1000))
    report(f"py.{lane}.oneway.0", one_way(peers[1], ONE_WAY))
    report(f"py.{lane}.oneway.int", one_way(peers[1], ONE_WAY, 1))
    report(f"py.{lane}.oneway.1k", one_way(peers[1], ONE_WAY // 2, kib))
    report(f"py.{lane}.bandwidth.1m", bandwidth(peers[1], 300, mib))
    report(f"py.{lane}.bandwidth.16m", bandwidth(peers[1], 20, np.zeros(1 << 21)))
    charm.exit()


charm.start(main)
