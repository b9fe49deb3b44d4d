"""Watches the machines of a job: a monitor on the first PE of each host reports load and memory, again and again.

    chariot run -n 4 examples/hwmon/hwmon.py [REPORTS [SECONDS]]
"""
from __future__ import annotations

import os
import socket
from typing import Any

from chariot import Chare, Group, charm, coro
from chariot.threads import Future


def memory_used() -> float:
    """Per cent of the main memory."""
    with open("/proc/meminfo") as file:
        kib = {line.split(":")[0]: int(line.split()[1]) for line in file}
    return 100 * (1 - kib["MemAvailable"] / kib["MemTotal"])


class Monitor(Chare):
    @coro
    def watch(self, reports: int, seconds: float, display: Any) -> None:
        """The PE is free for other work while this sleeps."""
        for _ in range(reports):
            display.show(charm.myHost(), socket.gethostname(), os.getloadavg()[0], memory_used())
            charm.sleep(seconds)


class Display(Chare):
    def __init__(self, wanted: int, done: Future[None]) -> None:
        self.wanted = wanted
        self.done = done
        print("host                    load   memory")

    def show(self, host: int, name: str, load: float, memory: float) -> None:
        print(f"{host:3} {name:16} {load:8.2f} {memory:7.1f}%")
        self.wanted -= 1
        if self.wanted == 0:
            self.done.send()


def main(args: list[str]) -> None:
    reports = int(args[1]) if len(args) > 1 else 5
    seconds = float(args[2]) if len(args) > 2 else 1.0
    done: Future[None] = charm.Future()
    display = Chare(Display, args=[reports * charm.numHosts(), done], onPE=0)
    monitors = Group(Monitor, onPEs=[charm.getHostFirstPe(host) for host in range(charm.numHosts())])
    monitors.watch(reports, seconds, display)
    done.get()
    charm.exit()


charm.start(main)
