"""What a message between two PEs costs in Python: py_messages.py LANE [sweep]. Run on 2 PEs, or on more, of which the
others are idle; the lane names the figures. With "sweep": round trip and bandwidth of numpy arrays of all sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
from bench import report_gigabytes, report_millions, report_us
from chariot import Channel, Chare, Future, Group, charm, coro

SWEEP = (0, 64, 1 << 10, 1 << 12, 1 << 14, 1 << 16, 1 << 18, 1 << 20, 1 << 22, 1 << 24, 1 << 26)
BURST_S = 0.06


class Peer(Chare):
    def __init__(self) -> None:
        self.left = 0
        self.done: Any = None
        me = charm.myPe()
        if me < 2:
            self.other = self.thisProxy[1 - me]
            self.channel = Channel(self, self.other)

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

    @coro
    def channel_trips(self, trips: int) -> None:
        """Run by both ends: the first sends, the second sends back."""
        channel, first = self.channel, charm.myPe() == 0
        for _ in range(trips):
            if first:
                channel.send(1)
            channel.recv()
            if not first:
                channel.send(1)

    def nothing(self) -> None:
        pass

    def drop(self, value: Any) -> None:
        pass

    @coro
    def answer(self) -> int:
        return 1

    def fail(self) -> None:
        raise ValueError("as asked for")


def round_trips(peers: Any, trips: int, data: Any = None) -> None:
    done = Future()
    peers[0].start(trips, data, done)
    done.get()


def channel_trips(peers: Any, trips: int) -> None:
    ends = [peers[pe].channel_trips(trips, awaitable=True) for pe in (1, 0)]
    for end in ends:
        end.get()


def one_way(peer: Any, count: int, *data: Any) -> None:
    send = peer.drop if data else peer.nothing
    for _ in range(count):
        send(*data)
    peer.nothing(awaitable=True).get()


def awaited(peer: Any, trips: int) -> None:
    for _ in range(trips):
        peer.answer(ret=True).get()


def failing(peer: Any, trips: int) -> None:
    for _ in range(trips):
        try:
            peer.fail(ret=True).get()
        except ValueError:
            pass


def measure_sweep(lane: str, peers: Any) -> None:
    for size in SWEEP:
        data = np.zeros(size, dtype=np.uint8)
        report_us(f"py.{lane}.sweep.rtt.{size}", lambda n: round_trips(peers, n, data))
        if size > 0:
            report_gigabytes(f"py.{lane}.sweep.bandwidth.{size}", lambda n: one_way(peers[1], n, data), size)


def measure(lane: str, peers: Any) -> None:
    peer = peers[1]
    kib, kib64, mib = (np.arange(size // 8, dtype=np.float64) for size in (1 << 10, 1 << 16, 1 << 20))
    mib16 = np.zeros(1 << 21)
    report_us(f"py.{lane}.rtt.0", lambda n: round_trips(peers, n))
    report_us(f"py.{lane}.rtt.ret", lambda n: awaited(peer, n))
    report_us(f"py.{lane}.rtt.channel", lambda n: channel_trips(peers, n))
    for name, data in (("1k.bytes", bytes(1024)), ("1k", kib), ("64k", kib64), ("1m", mib)):
        report_us(f"py.{lane}.rtt.{name}", lambda n: round_trips(peers, n, data))
    report_us(f"py.{lane}.rtt.exception", lambda n: failing(peer, n))
    report_millions(f"py.{lane}.oneway.0", lambda n: one_way(peer, n), BURST_S)
    report_millions(f"py.{lane}.oneway.int", lambda n: one_way(peer, n, 1), BURST_S)
    report_millions(f"py.{lane}.oneway.1k", lambda n: one_way(peer, n, kib), BURST_S)
    report_gigabytes(f"py.{lane}.bandwidth.1m", lambda n: one_way(peer, n, mib), mib.nbytes)
    report_gigabytes(f"py.{lane}.bandwidth.16m", lambda n: one_way(peer, n, mib16), mib16.nbytes)


def main(args: list[str]) -> None:
    peers = Group(Peer)
    charm.awaitCreation(peers)
    if args[2:] == ["sweep"]:
        measure_sweep(args[1], peers)
    else:
        measure(args[1], peers)
    charm.exit()


charm.start(main)
