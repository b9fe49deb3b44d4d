"""Jobs under Open MPI's mpirun: its processes are members of a job, which find each other by PMIx."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = ROOT / "build/release/bin/chariot"
HELLO, HEAT = ROOT / "examples/hello.py", ROOT / "examples/heat.py"


class Mpi:
    def __init__(self, here: Path) -> None:
        self.here = here
        self.mark = f"CHARIOT_MPI_TEST={uuid.uuid4()}"
        drop = ("SLURM_", "PMI", "OMPI_")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(drop)}
        self.env |= {"CHARIOT_PYTHON": str(ROOT / ".venv/bin/python"), self.mark.split("=")[0]: self.mark.split("=")[1]}
        self.env |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}

    def words(self, *words: str | Path, chariot: Path = CHARIOT) -> list[str]:
        return list(map(str, ["mpirun", "--oversubscribe", "-n", "4", chariot, "run", *words]))

    def run(self, *words: str | Path, text_in: str = "", chariot: Path = CHARIOT) -> subprocess.CompletedProcess[str]:
        command = self.words(*words, chariot=chariot)
        return subprocess.run(command, env=self.env, input=text_in, capture_output=True, text=True, timeout=120, cwd=self.here)

    def processes(self) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            try:
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes():
                    found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
            except OSError:
                continue
        return found

    def wait_for_nothing(self, seconds: float = 15) -> None:
        deadline = time.monotonic() + seconds
        while left := self.processes():
            assert time.monotonic() < deadline, left
            time.sleep(0.1)


@pytest.fixture
def mpi(tmp_path: Path) -> Iterator[Mpi]:
    if shutil.which("mpirun") is None:
        pytest.skip("no mpirun here: there is no openmpi-bin")
    if not CHARIOT.with_name("chariot-pmix").exists():
        pytest.skip("chariot-pmix is not built here: there is no libpmix-dev")
    made = Mpi(tmp_path)
    yield made
    made.wait_for_nothing()


def test_pes_are_processes(mpi: Mpi) -> None:
    result = mpi.run(HELLO)
    assert result.returncode == 0 and "4 greetings" in result.stdout and result.stdout.count("this is PE") == 4, result


def test_results_are_those_of_one_host(mpi: Mpi) -> None:
    result = mpi.run(HEAT, "--iterations", "100")
    assert result.returncode == 0 and "equal to numpy" in result.stdout, result


def test_more_pes_than_processes(mpi: Mpi) -> None:
    result = mpi.run("-n", "6", HELLO)
    assert result.returncode == 0 and "6 greetings" in result.stdout, result


def test_a_secret_of_their_own(mpi: Mpi) -> None:
    """Then PMIx has the address alone."""
    (mpi.here / "secret").write_text("s" * 64)
    (mpi.here / "secret").chmod(0o600)
    result = mpi.run("--rendezvous", "pmix", "--secret-file", mpi.here / "secret", HELLO)
    assert result.returncode == 0 and "4 greetings" in result.stdout, result


def test_input_and_status(mpi: Mpi) -> None:
    (mpi.here / "reads.py").write_text(
        "import sys\nfrom chariot import charm\ndef main(args):\n    print(len(sys.stdin.read()))\n    charm.exit(7)\ncharm.start(main)\n"
    )
    result = mpi.run("reads.py", text_in="line\n" * 10_000)
    assert result.returncode == 7 and "50000\n" in result.stdout, result


def test_an_error_ends_the_job_everywhere(mpi: Mpi) -> None:
    (mpi.here / "fails.py").write_text(
        "from chariot import Chare, Group, charm\nclass C(Chare):\n    def fail(self): raise ValueError('so')\n"
        "def main(args): Group(C)[3].fail()\ncharm.start(main)\n"
    )
    result = mpi.run("fails.py")
    assert result.returncode != 0 and "ValueError: so" in result.stderr, result


@pytest.mark.parametrize("who", ["mpirun", "head", "member"])
def test_who_is_killed_takes_the_job_along(mpi: Mpi, who: str) -> None:
    (mpi.here / "waits.py").write_text("from chariot import charm\ndef main(args): print('runs', flush=True)\ncharm.start(main)\n")
    with subprocess.Popen(mpi.words("waits.py"), env=mpi.env, cwd=mpi.here, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"runs\n"
        ranks = {}
        for one in mpi.processes():
            pid, command = one.split(" ", 1)
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(bytes(1))
            parent = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1]
            if command.startswith(f"{CHARIOT} run") and int(parent) == child.pid:
                ranks[[text[-1:] for text in environment if text.startswith(b"OMPI_COMM_WORLD_RANK=")][0]] = int(pid)
        os.kill({"mpirun": child.pid, "head": ranks[b"0"], "member": ranks[b"2"]}[who], signal.SIGKILL)
        mpi.wait_for_nothing()
        assert child.wait(20) != 0


def test_without_its_helper(mpi: Mpi) -> None:
    alone = mpi.here / "chariot"
    shutil.copy(CHARIOT, alone)
    result = mpi.run(HELLO, chariot=alone)
    assert result.returncode != 0
    assert "find each other by chariot-pmix, which is not here (it is built where PMIx is), or by --head" in result.stderr, result
