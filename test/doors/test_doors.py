"""Issue 8, "Done when" 3: a crowd of clients calls a job's public service, first alone, then beside clients who do all that
clients should not (nuisance.py), at another door and at its own. No call of the crowd's is lost, done twice or answered
wrong; the serving PE's memory is bounded; the job is whole afterwards. How long the crowd waited is reported, not
judged: the machine is not ours alone.

CHARIOT_DOORS_CLIENTS (40) and CHARIOT_DOORS_CALLS (4,000) say how large it is; `make check-doors`: 1,000 and 1,000,000.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import statistics
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from harness import CHARIOT, ROOT, Job
from nuisance import CALL, PREFACE, call_of, field, integer

CLIENTS = int(os.environ.get("CHARIOT_DOORS_CLIENTS", "40"))
CALLS = int(os.environ.get("CHARIOT_DOORS_CALLS", "4000"))
ROUNDS = 1 if CALLS < 100_000 else 5
FAST, PACED = CALLS // (4 * ROUNDS), -(-CALLS // (12 * ROUNDS))  # calls of the crowd in each of a round's three parts
PACE = 500 if CALLS < 100_000 else 2000  # calls a second, of those that do not come as fast as they can
CROWD = ROOT / "build/release/test/doors/crowd"
MAX_CALLS, MAX_MESSAGE = 64, 1 << 20
# One client may have 64 calls under way: of 1 MiB each as they come, as the method takes them, and as gRPC has them. A
# dozen kinds of nuisance share one client's. Connections of gRPC take some 60 KB each.
MEMORY_BOUND = 3 * MAX_CALLS * MAX_MESSAGE + CLIENTS * 120_000
LIMIT_S = 60 + CALLS / 500


class Doors:
    """A job of 4 PEs that serves, and what is known of the PE that does."""

    def __init__(self, directory: Path) -> None:
        self.admin, self.clients = secrets.token_hex(32), directory / "clients"
        crowd = "".join(f"crowd{i} {secrets.token_hex(32)} grid.note\n" for i in range(CLIENTS))
        self.bad, self.other = secrets.token_hex(32), secrets.token_hex(32)
        self.clients.write_text(f"{crowd}bad {self.bad} grid @job\nother {self.other} grid\nadmin {self.admin} *\n")
        self.clients.chmod(0o600)
        command = [CHARIOT, "run", "-n", "4", ROOT / "test/doors/job.py", self.clients, str(MAX_CALLS), str(MAX_MESSAGE)]
        self.job = Job(command, directory, 5 * LIMIT_S)
        self.job.wait_for("at ")
        _, self.address, pid = next(line for line in self.job.out if line.startswith("at ")).split()
        self.process = Path("/proc", pid)

    def memory(self) -> int:
        lines = (self.process / "status").read_text().splitlines()
        line = next((line for line in lines if line.startswith("VmRSS")), "VmRSS: 0")  # it has just ended
        return int(line.split()[1]) * 1024

    def connections(self) -> int:
        return sum("socket:" in os.readlink(file) for file in (self.process / "fd").iterdir() if file.is_symlink())

    def ask(self, path: str, body: bytes) -> bytes:
        with grpc.insecure_channel(self.address) as channel:
            metadata = [("authorization", f"Bearer {self.admin}")]
            return bytes(channel.unary_unary(path)(body, timeout=60, metadata=metadata))

    def total(self, phase: int) -> int:
        """How many calls of the crowd the chares have counted in a phase: a sum over all of them."""
        request = field(1, field(1, b"grid")) + field(2, b"total") + field(3, field(1, integer(phase))) + b"\x20\x01"
        answer = self.ask("/chariot.v1.ObjectService/Reduce", request)
        number = 0
        for byte in reversed(answer[answer.index(0x18) + 1 :]):
            number = number << 7 | byte & 127
        return number >> 1

    def crowd(self, phase: int, calls: int, rate: int = 0) -> dict[str, int]:
        command = [CROWD, self.address, self.clients, str(phase), str(calls), str(rate)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT_S, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stdout + done.stderr
        said = {key: int(value) for key, value in map(str.split, done.stdout.splitlines())}
        assert (said["calls"], said["failed"], said["wrong"]) == (calls, 0, 0)
        assert self.total(phase) == calls
        return said


@contextlib.contextmanager
def opened(directory: Path) -> Iterator[Doors]:
    directory.mkdir(exist_ok=True)
    doors = Doors(directory)
    yield doors
    with contextlib.suppress(grpc.RpcError):
        doors.ask(CALL, call_of("quit", b"").replace(field(3, field(1, b"")), b""))
    said = doors.job.finish()
    assert said.status == 0 and len(said.stderr.splitlines()) <= 1, said


@pytest.fixture
def doors(tmp_path: Path) -> Iterator[Doors]:
    with opened(tmp_path) as doors:
        yield doors


@contextlib.contextmanager
def nuisance(doors: Doors) -> Iterator[list[str]]:
    """All kinds of it; what it has said, when it has ended."""
    # With what the processors have left: what it costs itself would elsewhere be another machine's.
    command = ["chrt", "--idle", "0", sys.executable, ROOT / "test/doors/nuisance.py", doors.address, doors.bad, doors.other, "0.1"]
    said: list[str] = []
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdout.readline() == "begun\n"
        try:
            yield said
            said += process.communicate("", timeout=120)[0].splitlines()
            assert process.returncode == 0, "\n".join(said)
        finally:
            process.kill()


class Watched:
    """The most memory that the serving PE has had since."""

    def __init__(self, doors: Doors) -> None:
        self.doors, self.most, self.over = doors, 0, threading.Event()
        self.thread = threading.Thread(target=self.watch)
        self.thread.start()

    def watch(self) -> None:
        while not self.over.wait(0.1):
            with contextlib.suppress(OSError):  # the job has failed
                self.most = max(self.most, self.doors.memory())

    def end(self) -> int:
        self.over.set()
        self.thread.join()
        return self.most


class Figures:
    """Of both loads, the crowd as fast as it can be and paced, a round after the other."""

    def __init__(self) -> None:
        self.fast: list[dict[str, int]] = []
        self.paced: list[dict[str, int]] = []

    def take(self, doors: Doors, phase: int) -> None:
        self.fast.append(doors.crowd(2 * phase, FAST))
        self.paced.append(doors.crowd(2 * phase + 1, PACED, PACE))

    def medians(self) -> Iterator[dict[str, float]]:
        """Of the fast ones, then of the paced."""
        for rounds in (self.fast, self.paced):
            yield {key: statistics.median(said[key] for said in rounds) for key in rounds[0]}

    def told(self, quiet: Figures) -> str:
        return "; ".join(
            f"{how} {said['rate']:.0f}/s, p50 {said['p50']:.0f} us, p99 {said['p99']:.0f} us ({said['p99'] / before['p99']:.2f} x)"
            for how, said, before in zip(("at once", "paced"), self.medians(), quiet.medians(), strict=True)
        )


def test_a_crowd_beside_bad_company(doors: Doors, tmp_path: Path, report: list[str]) -> None:
    """Rounds take turns, so that what else the machine does falls on all: the crowd alone; with bad company at another
    job's door, which shows what it costs to share the machine with it; with the same at the crowd's own door."""
    alone, elsewhere, here = Figures(), Figures(), Figures()
    memory, most, counts = [], [], Counter[str]()
    with opened(tmp_path / "other") as other:
        for phase in range(0, 3 * ROUNDS, 3):
            alone.take(doors, phase)
            with nuisance(other):
                elsewhere.take(doors, phase + 1)
            memory.append(doors.memory())
            watched = Watched(doors)
            with nuisance(doors) as said:
                here.take(doors, phase + 2)
            most.append(watched.end())
            counts.update({kind: int(number) for kind, number in map(str.split, said)})
    assert max(most) - memory[0] < MEMORY_BOUND, (memory, most)
    doors.crowd(6 * ROUNDS, CLIENTS)
    report.append(
        f"{CLIENTS} clients, {3 * ROUNDS * (FAST + PACED)} calls; memory of the PE {memory[0] >> 20} MiB, at most "
        f"{max(most) >> 20} MiB; medians of {ROUNDS}"
    )
    for text, figures in (("alone", alone), ("bad company elsewhere", elsewhere), ("bad company here", here)):
        report.append(f"{text}: {figures.told(alone)}")
    report.append("it was: " + ", ".join(f"{kind} {number}" for kind, number in counts.items()))


def test_bad_company_leaves_nothing_behind(doors: Doors) -> None:
    """The second time takes no more memory than the first, and no connection stays."""
    doors.crowd(1, CLIENTS)
    memory = []
    for _ in range(3):
        with nuisance(doors):
            threading.Event().wait(2.5)
        memory.append(doors.memory())
    assert memory[2] - memory[1] < 16 << 20, memory
    assert doors.connections() < 40


@pytest.mark.skipif(CALLS < 100_000, reason="takes its 10 s")
def test_who_says_nothing_is_shown_out(doors: Doors) -> None:
    host, port = doors.address.rsplit(":", 1)
    with contextlib.ExitStack() as stack:
        silent = [stack.enter_context(socket.create_connection((host, int(port)), timeout=60)) for _ in PREFACE]
        for i, sock in enumerate(silent):
            sock.sendall(PREFACE[:i])
        doors.crowd(1, CLIENTS)
        for sock in silent:
            with contextlib.suppress(ConnectionError):
                while sock.recv(1000):  # the service's settings, then the end
                    pass
