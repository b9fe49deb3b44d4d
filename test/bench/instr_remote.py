"""What instr.py counts between two PEs: sends on PE 0; what arrives on PE 1 is counted by function (instr.py)."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
from instr_marks import mark, measure, quiet

from chariot import Chare, Group, charm


class Peer(Chare):
    def ready(self) -> None:
        print("pid", os.getpid(), flush=True)
        quiet()

    def nothing(self) -> None:
        pass

    def drop(self, value: Any) -> None:
        pass

    def received(self, key: str, count: int) -> None:
        """Behind `count` messages of this kind."""
        mark()
        print("phase", key, count, flush=True)


def main(args: list[str]) -> None:
    peers = Group(Peer)
    peers.ready(awaitable=True).get()
    peer = peers[1]

    def send(*values: Any) -> Any:
        def run(count: int) -> None:
            call = peer.drop if values else peer.nothing
            for _ in range(count):
                call(*values)

        return run

    for key, values in (("none", ()), ("int", (1,)), ("numpy", (np.zeros(128),))):
        peer.received("before", 0, awaitable=True).get()
        measure(f"send.{key}", send(*values), 500)
        peer.received(f"receive.{key}", 2500, awaitable=True).get()
    charm.exit()


charm.start(main)
