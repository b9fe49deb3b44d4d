"""Real etcd servers on loopback addresses, and chariot-etcd spoken to by hand, as deploy/rendezvous_etcd.c does."""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("CHARIOT_ETCD", ROOT / "build/release/bin/chariot-etcd"))
LEASE_S = 3
GRACE_S = 8  # for etcd on a busy machine to notice that a lease is over


def free_ports(count: int) -> list[int]:
    """All at once: one after the other the same may come twice."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


class Server:
    """One member of an etcd."""

    def __init__(self, path: Path, name: str, words: list[str]) -> None:
        self.path, self.name, self.words = path, name, words
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        log = (self.path / f"{self.name}.log").open("ab")
        env = {k: v for k, v in os.environ.items() if not k.startswith("ETCD")} | {"GOMAXPROCS": "1"}
        self.process = subprocess.Popen(["etcd", *self.words], stdout=log, stderr=log, env=env, preexec_fn=die_with_parent)
        log.close()

    def signal(self, number: int) -> None:
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


def die_with_parent() -> None:
    import ctypes

    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Etcd:
    """An etcd of so many members."""

    def __init__(self, path: Path, count: int, *extra: str, scheme: str = "http") -> None:
        self.path, self.scheme, self.flags = path, scheme, list[str]()
        free = free_ports(2 * count)
        ports = list(zip(free[:count], free[count:], strict=True))
        cluster = ",".join(f"m{i}=http://127.0.0.1:{peer}" for i, (_, peer) in enumerate(ports))
        self.addresses = [f"127.0.0.1:{port}" for port, _ in ports]
        self.servers = []
        for i, (port, peer) in enumerate(ports):
            words = ["--name", f"m{i}", "--data-dir", str(path / f"m{i}"), "--log-level", "error", "--logger", "zap"]
            words += ["--listen-client-urls", f"{scheme}://127.0.0.1:{port}", "--advertise-client-urls", f"{scheme}://127.0.0.1:{port}"]
            words += ["--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"]
            words += ["--initial-cluster", cluster, "--initial-cluster-token", path.name, *extra]
            self.servers.append(Server(path, f"m{i}", words))

    @property
    def endpoints(self) -> str:
        return ",".join(self.addresses)

    def ctl(self, *words: str, check: bool = True, status: bool = False) -> str:
        env = os.environ | {"ETCDCTL_API": "3"}
        done = subprocess.run(
            ["etcdctl", "--endpoints", self.endpoints, *self.flags, *words], env=env, capture_output=True, text=True, timeout=30
        )
        assert not check or done.returncode == 0, done.stderr
        return str(done.returncode) if status else done.stdout

    def leader(self) -> int:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            for i, address in enumerate(self.addresses):
                if not self.servers[i].process:
                    continue
                env = os.environ | {"ETCDCTL_API": "3"}
                done = subprocess.run(
                    ["etcdctl", "--endpoints", address, "endpoint", "status"], env=env, capture_output=True, text=True, timeout=30
                )
                if done.returncode == 0 and done.stdout.split(", ")[4] == "true":
                    return i
            time.sleep(0.1)
        raise AssertionError("no leader")

    def wait(self) -> None:
        deadline = time.monotonic() + 30
        while self.ctl("get", "nothing", check=False, status=True) != "0":
            assert time.monotonic() < deadline, [(self.path / f"{s.name}.log").read_text()[-2000:] for s in self.servers]
            time.sleep(0.1)


@contextlib.contextmanager
def etcd(count: int, *extra: str, scheme: str = "http", flags: tuple[str, ...] = ()) -> Iterator[Etcd]:
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # etcd writes through: a busy disk would be measured
    path = Path(tempfile.mkdtemp(prefix="chariot-etcd-", dir=memory))
    servers = Etcd(path, count, *extra, scheme=scheme)
    servers.flags += flags
    try:
        for server in servers.servers:
            server.start()
        servers.wait()
        yield servers
    finally:
        for server in servers.servers:
            server.kill()
        shutil.rmtree(path)


# ---------------------------------------------------------------- chariot/v1/agent.proto, as far as it is needed

JOIN, JOINED, PUBLISH, HEAD, SEEN, LOST, LEAVE, ALIVE = 50, 51, 52, 53, 54, 55, 56, 9
NAMES = {
    JOINED: {1: "member", 2: "registration"},
    HEAD: {1: "address", 2: "epoch", 3: "host", 4: "pid"},
    SEEN: {1: "member", 2: "here", 3: "registration", 4: "host", 5: "pid"},
    LOST: {1: "status", 2: "text"},
}


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, value: object) -> bytes:
    if isinstance(value, float):
        return varint(number << 3 | 1) + struct.pack("<d", value)
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    data = value.encode() if isinstance(value, str) else value
    assert isinstance(data, bytes)
    return varint(number << 3 | 2) + varint(len(data)) + data


def fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0

    def number() -> int:
        nonlocal at
        value, shift = 0, 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                return value

    while at < len(data):
        tag = number()
        if tag & 7 == 2:
            size = number()
            yield tag >> 3, data[at : at + size]
            at += size
        else:
            assert tag & 7 == 0
            yield tag >> 3, number()


class Member:
    """A launcher's end of chariot-etcd: says each second that it is there, keeps all that it hears."""

    def __init__(self, where: Etcd | str, member: int | None, members: int, *, job: str = "job", host: str = "", version: str = "1",
                 lease_s: int = LEASE_S, patience_s: float = 20.0, env: dict[str, str] | None = None) -> None:
        self.ours, theirs = socket.socketpair()
        self.heard: list[tuple[int, dict[str, Any]]] = []
        self.ended = False
        self.silent = False
        self.data = b""
        self.errors = tempfile.TemporaryFile("w+")
        self.program = subprocess.Popen([PROGRAM], stdin=theirs.fileno(), stderr=self.errors, env={**os.environ, **(env or {})}, start_new_session=True)
        theirs.close()
        endpoints = where if isinstance(where, str) else where.endpoints
        self.host = host or f"host{member}"
        number = field(10, 1) if member is None else field(3, member)
        self.say(JOIN, field(1, endpoints) + field(2, job) + number + field(4, members) + field(5, self.host)
                 + field(6, 1000 + (member or 0)) + field(7, version) + field(8, lease_s) + field(9, float(patience_s)))  # fmt: skip
        self.thread = threading.Thread(target=self.live, daemon=True)
        self.thread.start()

    def say(self, what: int, part: bytes) -> None:
        frame = field(what, part)
        self.ours.sendall(struct.pack("<I", len(frame)) + frame)

    def live(self) -> None:
        due = time.monotonic()
        while not self.ended:
            if time.monotonic() >= due and not self.silent:
                with contextlib.suppress(OSError):
                    self.say(ALIVE, b"")
                due = time.monotonic() + 1
            if select.select([self.ours], [], [], 0.05)[0] and not self.hear():
                self.ended = True

    def hear(self) -> bool:
        try:
            got = self.ours.recv(65536)
        except OSError:
            return False
        self.data += got
        while len(self.data) >= 4:
            size = struct.unpack("<I", self.data[:4])[0]
            if len(self.data) < 4 + size:
                break
            for what, part in fields(self.data[4 : 4 + size]):
                if what != ALIVE:
                    names = NAMES[what]
                    values = {names[n]: v.decode() if isinstance(v, bytes) else v for n, v in fields(part)}  # type: ignore[arg-type]
                    self.heard.append((what, values))
            self.data = self.data[4 + size :]
        return bool(got)

    def wait(self, what: int, count: int = 1, within: float = 20.0, **values: object) -> dict[str, Any]:
        """The count-th message of that kind with those values."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            found = [part for w, part in list(self.heard) if w == what and all(part.get(k, type(v)()) == v for k, v in values.items())]
            if len(found) >= count:
                return found[count - 1]
            time.sleep(0.02)
        raise AssertionError(f"{self.host} has heard {self.heard}, nothing of {what} {values}")

    def said(self, text: str, within: float = 20.0) -> bool:
        """To people."""
        deadline = time.monotonic() + within
        while time.monotonic() < deadline:
            self.errors.seek(0)
            if text in self.errors.read():
                return True
            time.sleep(0.05)
        return False

    def has(self, what: int) -> bool:
        return any(w == what for w, _ in self.heard)

    def publish(self, address: str) -> None:
        self.say(PUBLISH, field(1, address))

    def leave(self) -> None:
        self.say(LEAVE, b"")

    def end(self) -> int:
        """The launcher is gone; returns the program's status."""
        self.ended = True
        self.thread.join()
        self.ours.close()
        try:
            return self.program.wait(timeout=15)
        finally:
            self.program.kill()
            self.program.wait()


@contextlib.contextmanager
def members(*several: Member) -> Iterator[tuple[Member, ...]]:
    try:
        yield several
    finally:
        for member in several:
            with contextlib.suppress(ProcessLookupError):
                member.program.send_signal(signal.SIGCONT)
            assert member.end() in (0, -signal.SIGKILL), member.errors.seek(0) or member.errors.read()  # a sanitizer's
            member.errors.close()
