"""What this machine is worth beside the one that the targets were measured on (shared/peers.md).

That one's cost of some small pieces of work is known. They are measured here in the same run; how many times as long they
take, the median over the pieces of a kind, is the machine's factor of that kind, which a target in absolute figures is
scaled by. The factor says how much of a miss is the machine's; the target as it stands is shown beside it always.
"""

from __future__ import annotations

import os
import platform
import re
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

COMPUTING = "computing"  # one core, nothing asked of the kernel
WAKING = "waking"  # the kernel, other processes, and what goes between cores
COPYING = "copying"  # large amounts of bytes
KINDS = (COMPUTING, WAKING, COPYING)


class Kernel(NamedTuple):
    key: str
    text: str
    unit: str
    theirs: float  # where a range is known, its middle
    kind: str

    @property
    def rate(self) -> bool:
        return self.unit == "GB/s"

    def slower(self, ours: float) -> float:
        return self.theirs / ours if self.rate else ours / self.theirs


KERNELS = (
    Kernel("kernel.malloc", "malloc and free of a message", "ns", 11.5, COMPUTING),
    Kernel("kernel.clock", "clock_gettime", "ns", 23, COMPUTING),
    Kernel("kernel.slice", "gRPC slice over user memory, byte buffer", "ns", 77, COMPUTING),
    Kernel("kernel.py.call", "bound method by vectorcall", "ns", 31, COMPUTING),
    Kernel("kernel.py.call2", "the same with two arguments", "ns", 37, COMPUTING),
    Kernel("kernel.py.tuple_dict", "tuple of 2 and dict of 2", "ns", 59, COMPUTING),
    Kernel("kernel.py.send", "send to a waiting async def", "ns", 35, COMPUTING),
    Kernel("kernel.py.gil", "GIL released and taken", "ns", 28, COMPUTING),
    Kernel("kernel.py.dumps", "pickle.dumps of a small tuple", "ns", 200, COMPUTING),
    Kernel("kernel.py.loads", "pickle.loads of it", "ns", 205, COMPUTING),
    Kernel("kernel.py.greenlet", "greenlet switched in and out", "ns", 300, COMPUTING),
    Kernel("kernel.epoll", "epoll_wait(0)", "ns", 209, WAKING),
    Kernel("kernel.eventfd", "eventfd written and read", "ns", 863, WAKING),
    Kernel("kernel.queue", "empty gRPC completion queue asked", "ns", 617, WAKING),
    Kernel("socket.unix.block.rtt.0", "Unix socket, blocking, round trip", "us", 25, WAKING),
    Kernel("socket.unix.spin.rtt.0", "Unix socket, spinning, round trip", "us", 3.3, WAKING),
    Kernel("socket.tcp.block.rtt.0", "TCP, blocking, round trip", "us", 42, WAKING),
    Kernel("socket.tcp.spin.rtt.0", "TCP, spinning, round trip", "us", 9, WAKING),
    Kernel("grpc.unix.rtt.0", "gRPC stream, Unix, polled, round trip", "us", 14, WAKING),
    Kernel("grpc.tcp.rtt.0", "gRPC stream, TCP, polled, round trip", "us", 20, WAKING),
    Kernel("ring.sleep.rtt.0", "ring, always sleeping, round trip", "us", 27, WAKING),
    Kernel("token.sleep.4.1", "token, 4 processes, sleep at once, a hop", "us", 12.7, WAKING),
    Kernel("token.yield_sleep.4.1", "token, 4 processes, spin with yield, a hop", "us", 1.3, WAKING),
    Kernel("ring.bandwidth.1m", "ring, 1 MiB", "GB/s", 15, COPYING),
    Kernel("socket.unix.block.bandwidth.1m", "Unix socket, 1 MiB", "GB/s", 5.7, COPYING),
    Kernel("socket.tcp.block.bandwidth.1m", "TCP, 1 MiB", "GB/s", 3.2, COPYING),
    Kernel("grpc.unix.bandwidth.1m", "gRPC stream, Unix, malloc tuned, 1 MiB", "GB/s", 5.6, COPYING),
    Kernel("grpc.tcp.bandwidth.1m", "gRPC stream, TCP, malloc tuned, 1 MiB", "GB/s", 4.5, COPYING),
)


def factor_of(kind: str, values: Mapping[str, float]) -> float | None:
    """From the figures of one round, or from medians; None without any."""
    found = [kernel.slower(values[kernel.key]) for kernel in KERNELS if kernel.kind == kind and values.get(kernel.key)]
    return statistics.median(found) if found else None


def factors(rounds: Sequence[Mapping[str, float]]) -> dict[str, list[float]]:
    """The factor of each kind, round by round; kinds that were not measured are left out."""
    per_kind = {kind: [factor_of(kind, values) for values in rounds] for kind in KINDS}
    return {kind: seen for kind, found in per_kind.items() if (seen := [factor for factor in found if factor])}


def scaled(bound: float, rate: bool, factor: float) -> float:
    """A bound in figures of the targets' machine, in figures of this one."""
    return bound / factor if rate else bound * factor


def describe(root: Path) -> dict[str, Any]:
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=root, capture_output=True, text=True)
    return {
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "commit": commit.stdout.strip(),
        "cpu": model[1] if model else platform.machine(),
        "cores": len(os.sched_getaffinity(0)),
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }
