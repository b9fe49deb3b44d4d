"""Jobs under Slurm: inside an allocation, where `chariot run` reaches the nodes by srun, and as a step, whose tasks are
the members of a job."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from slurm import CHARIOT, ROOT, Slurm, missing
from suites import SUITES, assert_passes, chariot_of_ones_own

HELLO, HEAT = ROOT / "examples/hello.py", ROOT / "examples/heat.py"
HOSTS = """
from chariot import Chare, Group, charm
import os
class Where(Chare):
    def host(self): return os.environ.get("SLURMD_NODENAME")
def main(args):
    print(Group(Where).host(ret=True).get())
    charm.exit(int(args[1]) if len(args) > 1 else 0)
charm.start(main)
"""
WAITS = "from chariot import charm\ndef main(args): print('runs', flush=True)\ncharm.start(main)\n"


@pytest.fixture(scope="module")
def slurm() -> Iterator[Slurm]:
    if why := missing():
        pytest.skip(f"no Slurm here: {why}")
    with Slurm() as made:
        (made.here / "hosts.py").write_text(HOSTS)
        (made.here / "waits.py").write_text(WAITS)
        made.env["CHARIOT_PYTHON"] = str(ROOT / ".venv/bin/python")
        yield made


# Ways to be on 2 nodes with 4 tasks: in their allocation, and as a step.
WAYS: dict[str, list[str | Path]] = {
    "allocation": ["salloc", "-Q", "-N2", "-n4", CHARIOT],
    "step": ["srun", "-N2", "-n4", CHARIOT],
}
ways = pytest.mark.parametrize("way", WAYS)


def nothing_left(slurm: Slurm, seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while left := slurm.processes():
        assert time.monotonic() < deadline, left
        time.sleep(0.1)


@ways
def test_pes_are_tasks(slurm: Slurm, way: str) -> None:
    result = slurm.run(*WAYS[way], "run", "hosts.py", "7")
    tasks = result.stdout.strip()
    assert result.returncode == 7, result
    assert sorted(json.loads(tasks.replace("'", '"'))) in (["n1", "n1", "n1", "n2"], ["n1", "n1", "n2", "n2"]), result
    nothing_left(slurm)


@ways
def test_results_are_those_of_one_host(slurm: Slurm, way: str) -> None:
    result = slurm.run(*WAYS[way], "run", HEAT, "--iterations", "100")
    assert result.returncode == 0 and "equal to numpy" in result.stdout, result


@ways
def test_input_goes_to_pe_0(slurm: Slurm, way: str) -> None:
    (slurm.here / "reads.py").write_text(
        "import sys\nfrom chariot import charm\ndef main(args):\n    print(len(sys.stdin.read()))\n    charm.exit()\ncharm.start(main)\n"
    )
    result = slurm.run(*WAYS[way], "run", "reads.py", text_in="line\n" * 100_000)
    assert (result.returncode, result.stdout) == (0, "500000\n"), result


@ways
def test_an_error_ends_the_job_everywhere(slurm: Slurm, way: str) -> None:
    (slurm.here / "fails.py").write_text(
        "from chariot import Chare, Group, charm\nclass C(Chare):\n    def fail(self): raise ValueError('so')\n"
        "def main(args): Group(C)[3].fail()\ncharm.start(main)\n"
    )
    result = slurm.run(*WAYS[way], "run", "fails.py")
    assert result.returncode == 1 and "ValueError: so" in result.stderr, result
    nothing_left(slurm)


@ways
def test_a_killed_launcher_takes_the_job_along(slurm: Slurm, way: str) -> None:
    words = [*map(str, WAYS[way]), "run", "waits.py"]
    with subprocess.Popen(words, env=slurm.env, cwd=slurm.here, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"runs\n"
        launchers = [one.split()[0] for one in slurm.processes() if one.split()[1:3] == [str(CHARIOT), "run"]]
        os.kill(int(launchers[0]), signal.SIGKILL)
        nothing_left(slurm, 20)
        child.wait(20)


@ways
@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes(slurm: Slurm, tmp_path: Path, way: str, suite: str) -> None:
    """Jobs of one PE on one node, others on both."""
    tell = [f"export {name}={slurm.env[name]}\n" for name in ("SLURM_CONF", "CHARIOT_MUNGE_SOCKET", "CHARIOT_PYTHON")]
    nodes, command = "-N$((pes > 1 ? 2 : 1)) -n$pes", " ".join(map(str, WAYS[way])).replace("-N2 -n4", "$nodes")
    own = chariot_of_ones_own(tmp_path / "bin", "".join(tell) + f'nodes="{nodes}"\nexec {command} run "$@"\n')
    assert_passes(suite, slurm.env | own)
    nothing_left(slurm)


def test_a_batch_script(slurm: Slurm) -> None:
    script = slurm.here / "job.sh"
    script.write_text(f"#!/bin/sh\n{CHARIOT} run -n 5 --quiet {HELLO}\n")
    for nodes, greetings in (("-N2", 5), ("-N1", 5)):
        result = slurm.run("sbatch", "-W", "-o", f"{slurm.here}/out", nodes, "-n4", script)
        out = (slurm.here / "out").read_text()
        assert result.returncode == 0 and f"{greetings} greetings" in out, (result, out)


def test_a_timeline_comes_home(slurm: Slurm) -> None:
    result = slurm.run(*WAYS["allocation"], "run", "--trace", "line", HEAT, "--iterations", "20")
    events = json.loads((slurm.here / "line").read_text())["traceEvents"]
    assert result.returncode == 0 and {event["tid"] for event in events} == {1, 2, 3, 4}


def test_outside_of_an_allocation(slurm: Slurm) -> None:
    result = slurm.run(CHARIOT, "run", "--launcher", "slurm", "hosts.py")
    assert (result.returncode, result.stderr) == (2, "chariot: --launcher slurm is for inside of an allocation (salloc, sbatch)\n")
