"""Programs in four containers, each a host: suites of the conformance tests pass there, unchanged, and results are one host's."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import IMAGE
from engine import ROOT, Engine
from suites import SUITES, assert_passes

CLOSED = ["--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--pids-limit", 2000]


@pytest.fixture(scope="module")
def shared() -> Iterator[Path]:
    """A directory that is at the same path in the containers. Short: sockets' paths end at 107 bytes."""
    with tempfile.TemporaryDirectory(prefix="kh-", dir="/var/tmp") as path:
        Path(path).chmod(0o1777)
        yield Path(path)


@pytest.fixture
def hosts(engine: Engine, shared: Path) -> Iterator[Path]:
    """Four idle containers; gives the directory with the `chariot` that runs jobs in them."""
    secret = shared / "secret"
    secret.write_bytes(os.urandom(32))
    os.chown(secret, 10001, 0)
    secret.chmod(0o440)
    bin = shared / "bin"
    bin.mkdir(exist_ok=True)
    for name in ("chariot", "charmrun", "python"):
        (bin / name).unlink(missing_ok=True)
        (bin / name).symlink_to(ROOT / "test/containers/member.sh")
    engine.podman("network", "create", "--internal", "hosts")
    volumes = [f"--volume={ROOT}:{ROOT}:ro", f"--volume={shared}:{shared}", f"--volume={secret}:/etc/chariot/secret:ro"]
    try:
        for host in range(4):
            name = f"host{host}"
            engine.podman("run", "--detach", "--name", name, "--hostname", name, "--network", "hosts", *CLOSED, *volumes, "--entrypoint", "sleep", IMAGE, "infinity")  # fmt: skip
        yield bin
    finally:
        engine.podman("rm", "--all", "--force", "--time", 0)
        engine.podman("network", "rm", "hosts")


def environment(engine: Engine, bin: Path) -> dict[str, str]:
    """MEMBER_USER: the suites' programs write where they stand, in directories of ours."""
    return engine.env | {"CHARIOT_TEST_BIN": str(bin), "TMPDIR": str(bin.parent), "CHARIOT_TEST_PES": "2,4", "MEMBER_USER": "0"}


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes(engine: Engine, hosts: Path, suite: str) -> None:
    assert_passes(suite, environment(engine, hosts))


def heat(engine: Engine, chariot: object, out: Path, *words: object) -> bytes:
    out.mkdir(exist_ok=True)
    out.chmod(0o777)
    program = ["examples/heat.py", "--iterations", 300, "--out", out]
    done = subprocess.run(
        list(map(str, [chariot, "run", "-n", 4, *words, *program])), cwd=ROOT, env=engine.env, capture_output=True, text=True, timeout=300
    )  # fmt: skip
    assert done.returncode == 0 and "equal to numpy" in done.stdout, done.stdout + done.stderr
    return (out / "after.png").read_bytes()


def test_heat_gives_what_one_host_gives(engine: Engine, hosts: Path, shared: Path) -> None:
    alone = heat(engine, ROOT / ".venv/bin/chariot", shared / "alone")
    assert heat(engine, hosts / "chariot", shared / "together") == alone


def test_each_container_is_a_host(engine: Engine, hosts: Path, shared: Path) -> None:
    (shared / "where.py").write_text(
        "import socket\nfrom chariot import Chare, Group, charm\n"
        "class Where(Chare):\n    def name(self): return socket.gethostname()\n"
        "def main(args):\n    print(Group(Where).name(ret=True).get(), charm.numHosts())\n    charm.exit(7)\n"
        "charm.start(main)\n"
    )
    done = subprocess.run([hosts / "chariot", "run", "-n", "8", shared / "where.py"], env=engine.env, capture_output=True, text=True, timeout=120)
    names = [f"host{host}" for host in (0, 0, 1, 1, 2, 2, 3, 3)]
    assert (done.returncode, done.stdout) == (7, f"{names} 4\n"), done.stderr


def test_a_container_that_is_killed_ends_the_job(engine: Engine, hosts: Path, shared: Path) -> None:
    (shared / "still.py").write_text(
        "from chariot import Chare, Group, charm\n"
        "class Still(Chare):\n    def __init__(self): pass\n    def ready(self): return 1\n"
        "def main(args):\n    Group(Still).ready(ret=True).get()\n    print('up', flush=True)\n    charm.sleep(600)\n"
        "charm.start(main)\n"
    )
    job = subprocess.Popen(
        [hosts / "chariot", "run", "-n", "4", shared / "still.py"], env=engine.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )  # fmt: skip
    assert job.stdout is not None and job.stdout.readline() == "up\n"
    engine.podman("kill", "--signal", "KILL", "host2")
    out, err = job.communicate(timeout=30)
    assert job.returncode not in (0, None) and "host2" in err, err
    for host in (0, 1, 3):
        left = [line.strip() for line in engine.podman("top", f"host{host}", "args").stdout.splitlines()[1:]]
        assert left == ["sleep infinity"], left
