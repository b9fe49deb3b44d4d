"""What PEs notice of each other between hosts, while they wait and while they compute, and by which addresses they meet."""

from __future__ import annotations

import os
import re
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

from net import CHARIOT, ROOT, Net

ENV = os.environ | {"CHARIOT_PYTHON": str(ROOT / ".venv/bin/python"), "CHARIOT_QUIET": "1"}
BOUND_S = 5.0
SPARE_S = 2.0  # for a machine that others use, and for the end of a job once it is known that it must end

IDLE_OR_BUSY = """
import time
from chariot import Chare, Group, charm

class Pe(Chare):
    def hello(self):
        pass
    def meet(self):
        for pe in range(charm.numPes()):
            self.thisProxy[pe].hello()
    def compute(self):
        until = time.monotonic() + 60
        while time.monotonic() < until:
            pass

def main(args):
    pes = Group(Pe)
    pes.meet(ret=True).get()
    charm.waitQD()
    print("met", flush=True)
    for pe in map(int, args[1:]):
        pes[pe].compute()
    charm.sleep(60)
    exit()

charm.start(main)
"""

SUM = """
import sys
import numpy as np
from chariot import Chare, Group, charm

class Pe(Chare):
    def take(self, array):
        return int(array.sum(dtype=np.int64))

def main(args):
    array = np.arange(int(args[1]), dtype=np.uint8)
    print(Group(Pe)[charm.numPes() - 1].take(array, ret=True).get() == int(array.sum(dtype=np.int64)))
    exit()

charm.start(main)
"""


@contextmanager
def started(net: Net, program: str, *words: object, options: Sequence[str] = ()) -> Iterator[subprocess.Popen[str]]:
    path = net.path / "program.py"
    path.write_text(program)
    command = [CHARIOT, "run", "--hosts", "h1:2,h2:2", *net.remote_shell(), *options, path, *words]
    with subprocess.Popen(net.command(command), env=ENV, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True) as job:  # fmt: skip
        try:
            yield job
        finally:
            net.mend()
            job.kill()


@pytest.mark.parametrize("busy", [(), (0, 1, 2, 3), (3,)], ids=["waiting", "computing", "one computes"])
@pytest.mark.parametrize("source, target", [("h1", "h2"), ("h2", "h1")])
def test_a_cut_in_one_direction_is_noticed(net: Net, source: str, target: str, busy: tuple[int, ...]) -> None:
    """The launcher reaches both hosts all the time: what is lost goes between PEs."""
    with started(net, IDLE_OR_BUSY, *busy) as job:
        assert job.stdout is not None and job.stdout.readline() == "met\n"
        time.sleep(1)
        net.cut(source, target)
        began = time.monotonic()
        said, _ = job.communicate(timeout=60)
        took = time.monotonic() - began
    lost = r"chariot: PE \d lost PE \d: (nothing has come from|the connection to) PE \d on host h[12] \(ipv4:10\.77\.0\.[12]:\d+\).*\n"
    assert job.returncode == 70 and re.fullmatch(lost, said), said
    assert took < BOUND_S + SPARE_S


def test_a_slow_network_is_not_a_silent_one(net: Net) -> None:
    net.slow("h2", 3000)
    try:
        with started(net, SUM, 3 << 20) as job:
            said, _ = job.communicate(timeout=120)
    finally:
        net.hurry("h2")
    assert (job.returncode, said) == (0, "True\n")


@pytest.mark.parametrize(
    "words, pattern",
    [
        ([], r"ipv4:10\.77\.0\.[12]:\d+"),
        (["--interface", "eth0", "--ports", "5000-5003"], r"ipv4:10\.77\.0\.[12]:500[0-3]"),
        (["--advertise", "h1=fd77::1,h2=h2-6", "--ports", "5000-5003"], r"ipv6:\[fd77::[12]\]:500[0-3]"),
    ],
    ids=["as reached", "interface", "IPv6"],
)
def test_hosts_meet_by_the_addresses_that_are_wanted(net: Net, words: list[str], pattern: str) -> None:
    """Seen in the message of a PE that has lost another."""
    with started(net, IDLE_OR_BUSY, options=words) as job:
        assert job.stdout is not None and job.stdout.readline() == "met\n"
        net.cut("h1", "h2")
        said, _ = job.communicate(timeout=60)
    assert re.search(rf"on host h[12] \({pattern}\)", said), said


def test_by_ssh_over_ipv6(net: Net) -> None:
    path = net.path / "program.py"
    path.write_text(SUM)
    command = [CHARIOT, "run", "--hosts", "h1-6:2,h2-6:2", *net.remote_shell(ipv6=True), path, 1 << 20]
    done = net.run(command, env=ENV, capture_output=True, timeout=60)
    assert (done.returncode, done.stdout) == (0, "True\n"), done.stderr
