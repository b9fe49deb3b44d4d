"""Programs on 2 and 4 hosts by ssh: results are those of one host, and whole files of the conformance suite pass there,
unchanged (CHARIOT_TEST_RUN_ARGS, test/conformance/harness.py)."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from net import CHARIOT, ROOT, Net, environment
from suites import SUITES, assert_passes

PYTHON = ROOT / ".venv/bin/python"


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes(cluster: Net, suite: str) -> None:
    assert_passes(suite, environment(cluster), cluster.run)
    assert [line for line in cluster.left() if "sshd: " not in line] == []


def heat(net: Net | None, out: Path, *where: str | Path) -> tuple[str, bytes]:
    words = [CHARIOT, "run", *where, "-n", "4", "examples/heat.py", "--iterations", "150", "--out", out]
    env = os.environ | {"CHARIOT_PYTHON": str(PYTHON)}
    if net is None:
        done = subprocess.run(list(map(str, words)), cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    else:
        done = net.run(words, cwd=ROOT, env=env, capture_output=True)
    assert done.returncode == 0 and "equal to numpy" in done.stdout, done.stdout + done.stderr
    return done.stdout, (out / "after.png").read_bytes()


@pytest.mark.parametrize("ipv6", [False, True], ids=["IPv4", "IPv6"])
def test_heat_gives_what_one_host_gives(cluster: Net, ipv6: bool) -> None:
    outs = [cluster.path / name for name in ("alone", "together")]  # this machine's /tmp is not the hosts'
    for out in outs:
        out.mkdir(exist_ok=True)
    alone = heat(None, outs[0])[1]
    assert heat(cluster, outs[1], "--hosts", cluster.hosts_list(), *cluster.remote_shell(ipv6))[1] == alone
