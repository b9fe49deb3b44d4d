"""Who is not let in, while a job runs: each is turned away with its status and one line in the log, whatever it has stolen,
and the job goes on to the right answer.

(A certificate of the job's own authority that has expired can only be made where its key is, before the job: that is in
test/unit/rpc/grpc_tls_test.c, as is a server of another name.)"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from net import CHARIOT, ROOT, Host, Net

HERE = Path(__file__).parent
PYTHON = ROOT / ".venv/bin/python"
WAVES = int(os.environ.get("WAVES", "2"))
HALF_OPEN = 10_000
PER_CONNECTION = 112 << 10  # bytes of a PE: gRPC and libssl, until the time for the handshake is up; and what malloc keeps
HANDSHAKE_S = 10.0
JOB_S = float(os.environ.get("JOB_S", "90"))


class Ticket(NamedTuple):
    pe: int
    token: bytes
    authority: bytes
    certificate: bytes
    key: bytes


def fields(data: bytes) -> dict[int, bytes | int]:
    """Of a protobuf message without repeated fields."""
    found: dict[int, bytes | int] = {}
    at = 0

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = varint()
        value = varint()
        if tag & 7 == 2:
            found[tag >> 3] = data[at : at + value]
            at += value
        else:
            found[tag >> 3] = value
    return found


def part(message: dict[int, bytes | int], number: int) -> bytes:
    value = message.get(number, b"")
    assert isinstance(value, bytes)
    return value


class Leaky:
    """A job on two hosts, whose secrets are in files."""

    def __init__(self, net: Net, name: str, hosts: list[Host], seconds: float) -> None:
        self.net = net
        self.directory = net.path / name
        self.directory.mkdir()
        self.first = hosts[0]
        words = [CHARIOT, "run", "--hosts", ",".join(f"{host.name}:2" for host in hosts), *net.remote_shell(),
                 HERE / "leaky.py", str(seconds), self.directory]  # fmt: skip
        env = os.environ | {"CHARIOT_QUIET": "1", "CHARIOT_PYTHON": str(PYTHON), "TMPDIR": str(net.path)}
        self.said: list[str] = []
        self.begun = threading.Event()
        self.child = subprocess.Popen(net.command(words), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
        threading.Thread(target=self.read, daemon=True).start()
        assert self.begun.wait(60) and self.child.poll() is None, self.said
        self.tickets: dict[int, Ticket] = {}
        for path in self.directory.glob("ticket-*"):
            one = fields(part(fields(path.read_bytes()), 1))
            number = one.get(2, 0)
            assert isinstance(number, int)
            self.tickets[number] = Ticket(number, part(one, 4), part(one, 8), part(one, 9), part(one, 10))
        address = part(fields(part(fields(next(self.directory.glob("address-*")).read_bytes()), 2)), 1).decode()
        place = re.fullmatch(r"(?:ipv4:|ipv6:)?\[?([^\]]*)\]?:(\d+)", address)
        assert place, address
        self.place = (place[1], place[2])

    def read(self) -> None:
        assert self.child.stdout is not None
        for line in self.child.stdout:
            self.said.append(line)
            if "traffic begins" in line:
                self.begun.set()
        self.begun.set()

    def stolen(self, name: str, pe: int, token: bytes | None = None, identity: Ticket | None = None) -> Path:
        """A directory with what an intruder has."""
        ticket, shown = self.tickets[pe], identity or self.tickets[pe]
        directory = self.directory / name
        directory.mkdir()
        for file, content in {"ca.pem": ticket.authority, "own.pem": shown.certificate, "own.key": shown.key,
                              "token": ticket.token if token is None else token, "pe": str(pe).encode()}.items():  # fmt: skip
            (directory / file).write_bytes(content)
        return directory

    def lines(self, since: int) -> list[str]:
        """What was logged since, when it has come."""
        time.sleep(0.5)
        return [line for line in self.said[since:] if line.startswith("chariot: ")]

    def right(self) -> bool:
        self.child.wait(120)
        time.sleep(0.2)
        return self.child.returncode == 0 and any(line.startswith("right answer") for line in self.said)


@contextmanager
def leaky(net: Net, name: str, hosts: list[Host], seconds: float) -> Iterator[Leaky]:
    job = Leaky(net, name, hosts, seconds)
    try:
        yield job
    finally:
        job.child.kill()
        job.child.wait()


@pytest.fixture(scope="module")
def jobs(net: Net) -> Iterator[tuple[Leaky, Leaky]]:
    """Two that run at the same time."""
    with leaky(net, "one", net.hosts[:2], JOB_S) as one, leaky(net, "other", net.hosts[2:], JOB_S) as other:
        yield one, other


def intrude(job: Leaky, case: str, directory: Path | None = None) -> str:
    words = [sys.executable, HERE / "intruder.py", *job.place, case, *([directory] if directory else [])]
    return job.net.run(words, on="h4", capture_output=True, timeout=60).stdout.strip()


def own_authority(directory: Path, pe: int) -> Ticket:
    """A certificate with the right name, by an authority of the intruder's."""
    name = f"pe-{pe}.chariot.internal"
    directory.mkdir()
    for command in (
        "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem -subj /CN=other -days 2",
        f"req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout own.key -out own.csr -subj /CN={name}",
    ):
        subprocess.run(["openssl", *command.split()], cwd=directory, check=True, capture_output=True)
    (directory / "san").write_text(f"subjectAltName=DNS:{name}\n")
    command = "x509 -req -in own.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out own.pem -days 1 -extfile san"
    subprocess.run(["openssl", *command.split()], cwd=directory, check=True, capture_output=True)
    return Ticket(pe, b"", b"", (directory / "own.pem").read_bytes(), (directory / "own.key").read_bytes())


REFUSED, HANDSHAKE = "RPC-PEER-REFUSED", "RPC-HANDSHAKE-FAILED"


@pytest.mark.parametrize(
    ("case", "ends", "logged"),
    [
        ("plain text", "closed", HANDSHAKE),
        ("garbage", "closed", HANDSHAKE),
        ("a handshake of 16 MiB", "closed", HANDSHAKE),
        ("no certificate", "closed", HANDSHAKE),
        ("wrong authority", "closed", HANDSHAKE),
        ("other job's certificate and token", "closed", HANDSHAKE),
        ("other job's token", "status 16", 'why="wrong job token"'),
        ("no token", "status 16", 'why="no job token"'),
        ("wrong token", "status 16", 'why="wrong job token"'),
        ("wrong name", "status 16", 'why="the certificate is not that PE\'s"'),
        ("other version", "status 9", 'why="another protocol version"'),
        ("replayed", "closed", HANDSHAKE),
        ("joins again", "status 6", REFUSED),
    ],
    ids=lambda value: value if isinstance(value, str) and "=" not in value else "",
)  # fmt: skip
def test_who_is_not_let_in(jobs: tuple[Leaky, Leaky], case: str, ends: str, logged: str) -> None:
    job, other = jobs
    since = len(job.said)
    name = case.replace(" ", "-").replace("'", "")
    if case == "wrong authority":
        directory, case = job.stolen(name, 1, identity=own_authority(job.directory / "authority", 1)), "own"
    elif case.startswith("other job's certificate"):
        directory, case = job.stolen(name, 1, token=other.tickets[1].token, identity=other.tickets[1]), "own"
    elif case == "other job's token":
        directory, case = job.stolen(name, 1, token=other.tickets[1].token), "own"
    else:
        directory = job.stolen(name, 1)
    assert intrude(job, case, directory) == ends
    lines = job.lines(since)
    assert len(lines) == (2 if case == "replayed" else 1) and logged in lines[-1], lines
    assert job.child.poll() is None and other.child.poll() is None


@pytest.mark.parametrize("case", ["a frame of 16 MiB", "a message of 1 GiB"])
def test_a_length_beyond_reason_costs_nothing(jobs: tuple[Leaky, Leaky], case: str) -> None:
    """Even of one who has all that a PE has."""
    job = jobs[0]
    before = rss(job)
    for pe in (1, 2, 3):  # of the same host, or with a link already: refused
        directory = job.stolen(f"{case} {pe}".replace(" ", "-"), pe)
        assert intrude(job, case, directory) in ("closed", "status 6", "status 7", "status 14")
    assert rss(job) - before < 64 << 20
    assert job.child.poll() is None


def rss(job: Leaky) -> int:
    """Of PE 0."""
    number = next(n for n, words in sorted(job.first.processes().items()) if "chariot.boot" in words)
    found = re.search(r"^VmRSS:\s*(\d+)", Path(f"/proc/{number}/status").read_text(), re.M)
    assert found
    return int(found[1]) << 10


def sockets(job: Leaky) -> int:
    """Of PE 0."""
    number = next(n for n, words in sorted(job.first.processes().items()) if "chariot.boot" in words)
    return len(os.listdir(f"/proc/{number}/fd"))


def test_ten_thousand_half_open_connections(jobs: tuple[Leaky, Leaky]) -> None:
    """In waves: a later one costs little more. They are gone when their time is up, though none of them hangs up."""
    job = jobs[0]
    before, open_before = rss(job), sockets(job)
    grown = []
    for wave in range(WAVES):
        words = [sys.executable, HERE / "intruder.py", *job.place, "half-open"]
        with subprocess.Popen(job.net.command(words, on="h4"), env=os.environ | {"COUNT": str(HALF_OPEN)}, text=True,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE) as crowd:  # fmt: skip
            assert crowd.stdin is not None and crowd.stdout is not None
            assert crowd.stdout.readline() == "held\n"
            # Who belongs to the job gets a hearing meanwhile.
            ends = intrude(job, "other version", job.stolen(f"in-the-crowd-{wave}", 1))
            grown.append(rss(job) - before)
            until = time.monotonic() + HANDSHAKE_S + 20
            while sockets(job) > open_before + 5 and time.monotonic() < until:
                time.sleep(0.1)
            gone = sockets(job) <= open_before + 5
            crowd.stdin.write("\n")
            crowd.stdin.flush()
        assert ends == "status 9" and gone and job.child.poll() is None
    print(f"{HALF_OPEN} half-open connections, in waves: PE 0 grew by {[bytes_ >> 20 for bytes_ in grown]} MiB")
    assert max(grown) < HALF_OPEN * PER_CONNECTION


def test_the_jobs_were_undisturbed(jobs: tuple[Leaky, Leaky]) -> None:
    for job in jobs:
        assert job.right(), "".join(job.said)
