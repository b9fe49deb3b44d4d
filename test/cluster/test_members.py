"""Members of a job on hosts of their own: the same command on each, as an engine would start it; and what becomes of the
job when hosts, links and heads fail."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from net import CHARIOT, ROOT, Net

HEAT = [ROOT / "examples/heat.py", "--iterations", "300"]
FOREVER = "from charm4py import charm, coro\nimport time\ndef main(args):\n    print('on', flush=True)\n    while True: charm.sleep(1)\ncharm.start(main)\n"
WITHIN_S = 15.0


class Members:
    """One job, a member on each host."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.place = Path(tempfile.mkdtemp(dir=net.path))  # hosts have a /tmp of their own
        self.secret = self.place / "secret"
        self.secret.write_bytes(os.urandom(32))
        self.secret.chmod(0o600)
        self.children: list[subprocess.Popen[str]] = []

    def start(self, words: list[object], head: str | None = None, **env: str) -> subprocess.Popen[str]:
        """Gives the head, which is on the first host."""
        given = os.environ | {
            "CHARIOT_PYTHON": str(ROOT / ".venv/bin/python"),
            "CHARIOT_MEMBERS": str(len(self.net.hosts)),
            "CHARIOT_HEAD": head or f"{self.net.hosts[0].name}:7000",
            "CHARIOT_SECRET_FILE": str(self.secret),
            "CHARIOT_MEMBERS_TIMEOUT": "30",
        }
        for member, host in enumerate(self.net.hosts):
            command = self.net.command([CHARIOT, "run", *words], on=host.name)
            self.children.append(subprocess.Popen(command, env=given | {"CHARIOT_MEMBER": str(member)} | env, text=True,
                                                  stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE))  # fmt: skip
        return self.children[0]

    def ends(self) -> list[tuple[int, str, str]]:
        ends = []
        for child in self.children:
            out, err = child.communicate(timeout=60)
            ends.append((child.returncode, out, err))
        return ends


@pytest.fixture
def members(net: Net) -> Iterator[Members]:
    made = Members(net)
    yield made
    for host in net.hosts:
        if host.child is not None:
            host.end_processes()
    for child in made.children:
        child.kill()
        child.communicate()
    net.repair()


def launchers(net: Net, host: str) -> list[int]:
    """Of `chariot run` there the process itself, not its guard."""
    mine = [pid for pid, words in net.host(host).processes().items() if " run " in words]
    return [pid for pid in mine if Path(f"/proc/{pid}/comm").read_text() == "chariot\n"]


def gone(net: Net) -> bool:
    until = time.monotonic() + WITHIN_S
    while net.left() and time.monotonic() < until:
        time.sleep(0.05)
    return net.left() == []


@pytest.mark.parametrize("v6", [False, True], ids=["IPv4", "IPv6"])
def test_results_are_those_of_one_host(net: Net, members: Members, v6: bool) -> None:
    head = f"[{net.hosts[0].address6}]:7000" if v6 else f"{net.hosts[0].address}:7000"
    members.start(["-n", 8, *HEAT], head)
    ends = members.ends()
    assert ends[0][0] == 0 and "equal to numpy" in ends[0][1] and "8 PEs on 4 hosts" in ends[0][2], ends
    assert all(end == (0, "", "") for end in ends[1:]), ends
    assert gone(net), net.left()


def forever(members: Members) -> subprocess.Popen[str]:
    program = members.place / "forever.py"
    program.write_text(FOREVER)
    head = members.start(["--charm4py", program])
    assert head.stdout is not None and head.stdout.readline() == "on\n"
    return head


def test_a_host_that_loses_its_power(net: Net, members: Members) -> None:
    head = forever(members)
    net.host("h3").kill()
    began = time.monotonic()
    _, err = head.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN_S
    assert head.returncode != 0 and err.count("chariot: ") >= 1 and ("h3" in err or "PE 2" in err), err


@pytest.mark.parametrize("way", ["to", "from", "both"])
def test_a_member_that_is_cut_off(net: Net, members: Members, way: str) -> None:
    head = forever(members)
    if way in ("to", "both"):
        net.cut(None, "h2")
    if way in ("from", "both"):
        net.cut("h2", None)
    began = time.monotonic()
    _, err = head.communicate(timeout=30)
    assert time.monotonic() - began < WITHIN_S
    assert head.returncode != 0 and ("h2" in err or "PE 1" in err), err
    assert gone(net), net.left()


def test_a_head_that_loses_its_power(net: Net, members: Members) -> None:
    forever(members)
    net.cut("h1", None)  # so that nobody hears of it
    net.host("h1").kill()
    began = time.monotonic()
    for member, child in enumerate(members.children[1:], 1):
        _, err = child.communicate(timeout=30)
        assert child.returncode == 70 and f"member {member}: the head " in err, err
    assert time.monotonic() - began < WITHIN_S
    assert gone(net), net.left()


def test_a_member_that_is_stopped(net: Net, members: Members) -> None:
    head = forever(members)
    for pid in launchers(net, "h4"):
        os.kill(pid, signal.SIGSTOP)
    _, err = head.communicate(timeout=30)
    assert head.returncode != 0 and ("member 3 (host h4, PE 3) has not been heard of for 5 seconds" in err or "PE 3" in err), err
    assert gone(net), net.left()


def test_ten_thousand_half_open_connections(net: Net, members: Members) -> None:
    """From a host that is no member: the door holds a bounded number of them, and the job goes on."""
    (members.place / "flood.py").write_text(
        "import socket, sys, time\n"
        "open_ones = []\n"
        "for i in range(10000):\n"
        "    one = socket.create_connection((sys.argv[1], 7000), 5)\n"
        "    one.send((b'\\x16\\x03\\x01\\x40\\x00', b'\\xff\\xff\\xff\\x3f' * 8, b'')[i % 3] or b'\\x16')\n"
        "    open_ones.append(one)\n"
        "    if len(open_ones) > 500: open_ones.pop(0)\n"
    )
    command = ["-n", 4, ROOT / "examples/heat.py", "--iterations", "3000"]
    head = members.start(command)
    python = ROOT / ".venv/bin/python"
    time.sleep(1)
    flood = subprocess.run(net.command([python, members.place / "flood.py", net.hosts[0].address]), capture_output=True, text=True)
    most = [line for pid in launchers(net, "h1") for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmHWM")]
    ends = members.ends()
    assert flood.returncode == 0 or "refused" in flood.stderr, flood.stderr
    assert ends[0][0] == 0 and "equal to numpy" in ends[0][1], ends[0]
    assert ends[0][2].count("is not let in") <= 10
    assert all(int(line.split()[1]) < 100_000 for line in most), most
