"""A job for crowds of clients: 64 cells that count calls. Arguments: the file of clients, and bounds of one client.

    chariot run -n 4 test/doors/job.py CLIENTS MAX_CALLS MAX_MESSAGE_BYTES

Prints "at ADDRESS PID", of the PE that serves.
"""

from __future__ import annotations

import os
from collections import Counter

from chariot import Array, Channel, Chare, charm, coro, expose


class Cell(Chare):
    def __init__(self) -> None:
        self.calls: Counter[tuple[int, int]] = Counter()

    @expose
    def note(self, client: int, phase: int) -> int:
        """How many calls of this client have come in this phase, with this one."""
        self.calls[client, phase] += 1
        return self.calls[client, phase]

    @expose
    def total(self, phase: int) -> int:
        return sum(count for (_, of), count in self.calls.items() if of == phase)

    @expose
    def large(self, size: int) -> bytes:
        return bytes(size)

    @expose
    def take(self, data: bytes) -> int:
        return len(data)

    @expose
    @coro
    def slow(self, seconds: float) -> None:
        charm.sleep(seconds)

    @expose
    @coro
    def flood(self, channel: Channel) -> None:
        """Sends without end to who does not read."""
        while True:
            channel.send(bytes(10_000))

    @expose
    @coro
    def sink(self, channel: Channel) -> None:
        """Receives nothing."""
        charm.sleep(60)

    @expose
    def quit(self) -> None:
        charm.exit()


def main(args: list[str]) -> None:
    charm.publish("grid", Array(Cell, 64)).get()
    bounds = {"max_calls": int(args[2]), "max_message_bytes": int(args[3])}
    print("at", charm.serve("127.0.0.1:0", clients=args[1], **bounds), os.getpid(), flush=True)


charm.start(main)
