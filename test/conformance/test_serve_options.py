"""Issue 8: `chariot run --serve`: PE 0 serves from the start, as charm.serve() would, and the launcher knows where."""

from __future__ import annotations

import subprocess
from pathlib import Path

import grpc
import pytest
from harness import CHARIOT, Job

PROGRAM = """
import sys
from chariot import charm

def main(args):
    try: charm.serve("127.0.0.1:0", anyone=True)
    except Exception as e: print(type(e).__name__, e)
    print("up", flush=True)

charm.start(main)
"""


def start(directory: Path, *options: str) -> Job:
    (directory / "prog.py").write_text(PROGRAM)
    return Job([CHARIOT, "run", "-n", "2", *options, "prog.py"], directory, 60)


def is_serving(address: str) -> bool:
    """By its health, which anybody may ask: field 1 of the answer, 1."""
    with grpc.insecure_channel(address) as channel:
        return channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=20) == b"\x08\x01"


def test_serves_from_the_start(tmp_path: Path) -> None:
    job = start(tmp_path, "--serve", "127.0.0.1:0", "--serve-anyone", "--ready-file", "ready")
    job.wait_for("up")
    while not (tmp_path / "ready").exists():
        job.wait_for("up")
    address = (tmp_path / "ready").read_text().strip()
    assert address.startswith("127.0.0.1:") and is_serving(address)
    job.child.terminate()
    result = job.finish()
    assert f"chariot: serving at {address}\n" in result.stderr
    assert "serves already" in result.stdout  # the program cannot do it once more
    assert not (tmp_path / "ready").exists()


def test_quiet_and_by_a_unix_socket(tmp_path: Path) -> None:
    job = start(tmp_path, "--quiet", "--serve", "unix:grid.sock")
    job.wait_for("up")
    assert is_serving(f"unix:{tmp_path}/grid.sock")
    job.child.terminate()
    assert "serving at" not in job.finish().stderr


@pytest.mark.parametrize(
    ("options", "status", "text"),
    [
        ("--serve 0.0.0.0:0 --serve-anyone", 2, "chariot: --serve: cannot serve at '0.0.0.0:0': plain text stays on this host"),
        ("--serve 127.0.0.1:0", 2, "who may call?"),
        ("--serve nonsense", 2, "an address is HOST:PORT"),
        ("--serve 127.0.0.1:0 --serve-certificate c.pem", 2, "a certificate and its key belong together"),
        ("--serve 127.0.0.1:0 --serve-clients nowhere", 69, "cannot read nowhere: No such file"),
        ("--serve unix:no/where.sock", 69, "cannot listen on 'unix:no/where.sock'"),
        ("--serve-traces", 2, "--serve-traces is of use with --serve ADDRESS"),
        ("--serve unix:a --serve-max-calls many", 2, "--serve-max-calls takes a number from 1"),
        ("--serve=", 2, "--serve takes HOST:PORT"),
    ],
)
def test_what_is_wrong_is_said_once(tmp_path: Path, options: str, status: int, text: str) -> None:
    result = start(tmp_path, *options.split()).finish()
    assert (result.status, result.stderr.count(text)) == (status, 1), result.said
    assert "up" not in result.stdout


def test_a_program_that_is_no_pe_serves_nothing(tmp_path: Path) -> None:
    command = [CHARIOT, "run", "-n", "1", "--serve", "unix:a.sock", "/bin/true"]
    assert subprocess.run(command, cwd=tmp_path, timeout=60).returncode == 0
