"""The image: small, nobody in it is root, nothing but /tmp need be writable, and it ends as a container should."""

from __future__ import annotations

import json
import re
import signal
import time

import pytest

from conftest import IMAGE
from engine import ROOT, Engine

MOST_MB = 280  # beyond the base; numpy, with its libraries, is half of it
CLOSED = ["--read-only", "--read-only-tmpfs=false", "--tmpfs", "/tmp", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none"]


def run(engine: Engine, *words: object, status: int = 0) -> str:
    done = engine.podman("run", "--rm", *CLOSED, IMAGE, *words, check=False)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


def inspect(engine: Engine) -> dict[str, object]:
    (found,) = json.loads(engine.podman("image", "inspect", IMAGE).stdout)
    assert isinstance(found, dict)
    return found


def test_what_it_says_of_itself(engine: Engine) -> None:
    config = inspect(engine)["Config"]
    assert isinstance(config, dict)
    assert (config["User"], config["Entrypoint"]) == ("10001:10001", ["chariot"])
    assert config["Labels"]["org.opencontainers.image.title"] == "Chariot"


def test_it_is_small(engine: Engine) -> None:
    sizes = [int(engine.podman("image", "inspect", "--format", "{{.Size}}", name).stdout) for name in (IMAGE, "debian:12-slim")]
    assert sizes[0] - sizes[1] < MOST_MB * 1_000_000, sizes


def test_a_job_with_everything_closed(engine: Engine) -> None:
    said = run(engine, "run", "-n", 4, "examples/heat.py", "--iterations", 50, "--out", "/tmp")
    assert "equal to numpy" in said
    assert "equal to numpy" in run(engine, "run", "-n", 2, "--transport", "tls", "examples/heat.py", "--iterations", 20, "--out", "/tmp")


def test_its_commands(engine: Engine) -> None:
    version = re.search(r'^version = "(.*)"$', (ROOT / "pyproject.toml").read_text(), re.M)
    assert version is not None and run(engine, "version") == f"chariot {version[1]}\n"
    assert "usage: chariot COMMAND" in run(engine)
    assert "source: Graham" in run(engine, "lb-lab", "--help")
    assert "nobody is root: 10001" in run(engine, "run", "-n", 1, "sh", "-c", "echo nobody is root: $(id -u)")
    run(engine, "run", "nothing.py", status=127)


def test_no_compiler_and_no_secret_is_in_it(engine: Engine) -> None:
    """The place for one is empty."""
    found = run(engine, "run", "-n", 1, "sh", "-c", "command -v gcc pip make; find / -xdev '(' -name secret -size +0 -o -perm -4000 -user 10001 ')' 2>/dev/null; true")
    assert found == ""


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_to_the_container_ends_the_job(engine: Engine, number: int, status: int) -> None:
    """The launcher is its first process, which gets no signal that it does not ask for."""
    job = engine.start("podman", "run", "--rm", "--name", "ends", *CLOSED, IMAGE, "run", "-n", 2, "sh", "-c", "echo up; sleep 600")
    assert job.stdout is not None and job.stdout.readline() == "up\n"
    time.sleep(0.5)
    engine.podman("kill", "--signal", number, "ends")
    out, err = job.communicate(timeout=30)
    assert job.returncode == status, out + err


def test_a_program_of_ones_own(engine: Engine) -> None:
    """As docs/manual/containers.md has it: another image on top."""
    (engine.path / "own").mkdir(exist_ok=True)
    (engine.path / "own/prog.py").write_text((ROOT / "examples/pi.py").read_text())
    (engine.path / "own/Containerfile").write_text("FROM localhost/chariot\nCOPY prog.py /srv/\n")
    engine.podman("build", "-t", "own", engine.path / "own")
    done = engine.podman("run", "--rm", *CLOSED, "own", "run", "-n", 2, "/srv/prog.py")
    assert "pi is about 3.14" in done.stdout
