"""The hosts themselves: they are apart, reach each other as told, and leave nothing behind, however their maker ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import net as nets
from net import Net

PING = ["bash", "-c", 'exec 3<>"/dev/tcp/$1/22" && read -t 1 -u 3 && echo "$REPLY"', "ping"]


def reaches(net: Net, source: str, address: str) -> bool:
    """It is let in by TCP and answered within a second, so both ways are open."""
    done = net.run(["timeout", "1.5", *PING, address], on=source, capture_output=True)
    return done.stdout.startswith("SSH-2.0")


def test_hosts_have_names_addresses_and_places_of_their_own(net: Net) -> None:
    for host in net.hosts:
        said = net.run([net.path / "ssh", host.name, "hostname; echo $SSH_CONNECTION; touch /tmp/x; ls /tmp; rm /tmp/x"],
                       capture_output=True).stdout.split()  # fmt: skip
        assert said[0] == host.name and said[3] == host.address and said[5:] == ["x"]
        assert net.run([net.path / "ssh6", host.name, "echo $SSH_CONNECTION"], capture_output=True).stdout.split()[2] == host.address6
    assert net.left() == []


def test_cuts_lose_what_they_name_and_no_more(net: Net) -> None:
    one, other, third = net.hosts[:3]
    assert reaches(net, "h1", other.address) and reaches(net, "h1", other.address6)
    net.cut("h1", "h2")
    assert not reaches(net, "h1", other.address) and not reaches(net, "h2", one.address) and not reaches(net, "h1", other.address6)
    assert reaches(net, "h1", third.address) and reaches(net, "h3", other.address)
    net.mend()
    assert reaches(net, "h1", other.address)
    net.cut(None, "h3")
    assert not reaches(net, "h1", third.address) and reaches(net, "h1", other.address)
    net.mend()


def test_a_host_that_was_killed_comes_back(net: Net) -> None:
    net.host("h2").kill()
    assert not reaches(net, "h1", net.host("h2").address)
    net.repair()
    assert reaches(net, "h1", net.host("h2").address)


def test_a_slow_host_is_slow(net: Net) -> None:
    fetch = [net.path / "ssh", "h3", "head -c 300000 /dev/zero"]
    net.slow("h3", 1000)
    began = time.monotonic()
    assert len(net.run(fetch, capture_output=True).stdout) == 300000
    assert time.monotonic() - began > 1.0  # 2.4 Mbit at 1 Mbit/s
    net.hurry("h3")


def test_a_net_whose_maker_is_killed_leaves_nothing(net: Net) -> None:
    text = "import sys, time; from net import Net\nwith Net(2) as n:\n print(n.path, *(h.first for h in n.hosts), flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", text], cwd=Path(__file__).parent, stdout=subprocess.PIPE, text=True) as maker:
        assert maker.stdout is not None
        path, *firsts = maker.stdout.readline().split()
        os.kill(maker.pid, signal.SIGKILL)
    until = time.monotonic() + 10
    while any(Path(f"/proc/{first}").exists() for first in firsts) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(Path(f"/proc/{first}").exists() for first in firsts)
    assert Path(path).exists()
    nets.sweep()
    assert not Path(path).exists() and net.path.exists()
