"""deploy/slurm and deploy/systemd: what they start. (Real slurmd: test/cluster/; deploy/compose.yaml: test/containers/.)"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from test_launcher import CHARIOT, ROOT

JOB = ROOT / "deploy/slurm/job.sh"
UNIT = ROOT / "deploy/systemd/chariot@.service"


def batch(tmp_path: Path, *words: str, status: int = 0) -> str:
    """Runs the batch script with a chariot that shows its words and ends with 3."""
    (tmp_path / "chariot").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 3\n')
    (tmp_path / "chariot").chmod(0o755)
    env = {name: value for name, value in os.environ.items() if name != "CHARIOT"} | {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = subprocess.run([JOB, *words], env=env, capture_output=True, text=True, timeout=60)
    assert done.returncode == status
    return done.stdout + done.stderr


def test_a_batch_job_is_one_command(tmp_path: Path) -> None:
    said = batch(tmp_path, "prog.py", "a b", "*", status=3)
    assert said.splitlines() == ["run", "prog.py", "a b", "*"]


def test_a_batch_job_without_a_program_says_so(tmp_path: Path) -> None:
    assert "usage: sbatch" in batch(tmp_path, status=2)


def test_slurm_sees_its_options() -> None:
    """They end at the first command."""
    head = JOB.read_text().split("set -e")[0]
    assert head.startswith("#!/bin/bash\n")
    assert re.findall(r"^#SBATCH --([\w-]+)", head, re.M) == ["job-name", "nodes", "ntasks-per-node", "cpus-per-task", "time", "output"]


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="no systemd-analyze here")
def test_systemd_takes_the_unit(tmp_path: Path) -> None:
    """Under the name that it would have, and with a chariot that is there."""
    unit = tmp_path / "chariot@heat.service"
    unit.write_text(UNIT.read_text().replace("/usr/local/bin/chariot", CHARIOT))
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_the_unit_is_told_when_the_job_runs() -> None:
    said = UNIT.read_text()
    assert "\nType=notify\n" in said and "\nNotifyAccess=main\n" in said
    (start,) = re.findall(r"^ExecStart=(.*)$", said, re.M)
    assert shlex.split(start) == ["/usr/local/bin/chariot", "run", "$CHARIOT_RUN"]


def test_composes_hosts_differ_in_their_number_alone() -> None:
    hosts = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text())["services"]
    numbers = [host["environment"].pop("CHARIOT_MEMBER") for host in hosts.values()]
    assert list(hosts) == ["host0", "host1", "host2", "host3"] and numbers == ["0", "1", "2", "3"]
    assert all(host == hosts["host0"] for host in hosts.values())
    assert hosts["host0"]["environment"]["CHARIOT_HEAD"].split(":")[0] == "host0"
