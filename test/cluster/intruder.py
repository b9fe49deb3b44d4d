"""Who tries to get into a job: TLS by Python's ssl, HTTP/2 written by hand. Runs on a host of a net; prints what the PE
answered: `status N` (gRPC's), `closed`, `accepted`, or `silence`.

Usage: intruder.py HOST PORT CASE [DIRECTORY]   DIRECTORY has ca.pem, own.pem, own.key, token, pe"""

from __future__ import annotations

import base64
import os
import re
import resource
import socket
import ssl
import struct
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
VERSION = re.findall(r"PROTOCOL_VERSION = (\d+)", (ROOT / "rpc/version.h").read_text())[0]  # the one that is let in
WAIT_S = 20.0
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LINK, JOIN = "/chariot.v1.PeerService/Link", "/chariot.v1.PeerService/Join"


def header(name: str, value: str) -> bytes:
    """HPACK: a literal, not indexed."""
    return b"\0" + bytes([len(name)]) + name.encode() + bytes([len(value)]) + value.encode()


def frame(kind: int, flags: int, stream: int, data: bytes, length: int | None = None) -> bytes:
    size = len(data) if length is None else length
    return struct.pack(">I", size)[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + data


def call(method: str, token: bytes | None, version: str, pe: str) -> bytes:
    headers = (header(":method", "POST") + header(":scheme", "https") + header(":path", method) + header(":authority", "x")
               + header("content-type", "application/grpc") + header("te", "trailers"))  # fmt: skip
    if token is not None:
        headers += header("chariot-token-bin", base64.b64encode(token).decode().rstrip("="))
    headers += header("chariot-version", version) + header("chariot-pe", pe)
    return PREFACE + frame(4, 0, 0, b"") + frame(1, 4, 1, headers)


def answer(connection: socket.socket) -> str:
    """What comes until the call, or the connection, has ended."""
    connection.settimeout(WAIT_S)
    data = b""
    let_in = False
    while True:
        try:
            more = connection.recv(65536)
        except TimeoutError:
            return "accepted" if let_in else "silence"
        except OSError:  # an alert, or a reset
            more = b""
        if not more:
            return "closed"
        data += more
        while len(data) >= 9 and len(data) >= 9 + int.from_bytes(data[:3], "big"):
            size, kind, body = int.from_bytes(data[:3], "big"), data[3], data[9 : 9 + int.from_bytes(data[:3], "big")]
            data = data[9 + size :]
            if kind == 1 and (found := re.search(rb"grpc-status.(\d+)", body, re.S)):
                return f"status {int(found[1])}"
            if kind == 1:
                let_in = True
                connection.settimeout(1.0)
            if kind == 7:
                return "closed"


class Thief:
    """What it has of a job's secrets."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.token = (directory / "token").read_bytes()
        self.pe = (directory / "pe").read_text()

    def context(self, certificate: bool = True) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.load_verify_locations(self.directory / "ca.pem")
        if certificate:
            context.load_cert_chain(self.directory / "own.pem", self.directory / "own.key")
        context.set_alpn_protocols(["h2"])
        return context


def plain(place: tuple[str, int], sent: bytes) -> str:
    with socket.create_connection(place, WAIT_S) as connection:
        connection.sendall(sent)
        return answer(connection)


def by_tls(place: tuple[str, int], thief: Thief, sent: bytes, certificate: bool = True) -> str:
    try:
        with socket.create_connection(place, WAIT_S) as raw, thief.context(certificate).wrap_socket(raw) as connection:
            connection.sendall(sent)
            return answer(connection)
    except (ssl.SSLError, ConnectionError):
        return "closed"


def replayed(place: tuple[str, int], thief: Thief, sent: bytes) -> str:
    """The very bytes of a connection that has been, once more."""
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = thief.context().wrap_bio(coming, going)
    recorded = b""
    with socket.create_connection(place, WAIT_S) as connection:
        while True:
            try:
                tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                recorded += (out := going.read())
                connection.sendall(out)
                coming.write(connection.recv(65536))
        tls.write(sent)
        recorded += (out := going.read())
        connection.sendall(out)
    return plain(place, recorded)


def half_open(place: tuple[str, int], count: int) -> str:
    """So many connections at once: a third say nothing, a third begin a handshake, a third finish one and say no more."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, count + 100))
    hello = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    hello.check_hostname, hello.verify_mode = False, ssl.CERT_NONE
    coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = hello.wrap_bio(coming, going)
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    first = going.read()
    held: list[socket.socket] = []
    for number in range(count):
        connection = socket.socket(socket.AF_INET6 if ":" in place[0] else socket.AF_INET)
        connection.setblocking(False)
        connection.connect_ex(place)
        held.append(connection)
        if number % 200 == 199:
            time.sleep(0.05)
    time.sleep(1)
    for number, connection in enumerate(held):
        try:
            if number % 3 == 1:
                connection.send(first[: len(first) // 2])
            elif number % 3 == 2:
                connection.send(first)
        except OSError:
            pass
    print("held", flush=True)
    sys.stdin.readline()
    return "done"


def main() -> str:
    place, case = (sys.argv[1], int(sys.argv[2])), sys.argv[3]
    thief = Thief(Path(sys.argv[4])) if len(sys.argv) > 4 else None
    if case == "plain text":
        return plain(place, call(LINK, bytes(32), VERSION, "1"))
    if case == "garbage":
        return plain(place, bytes(i * i % 251 for i in range(4096)))
    if case == "a handshake of 16 MiB":
        return plain(place, b"\x16\x03\x01\x40\x00" + b"\x01\xff\xff\xff" + bytes(16380))
    if case == "half-open":
        return half_open(place, int(os.environ["COUNT"]))
    assert thief is not None
    good = call(LINK, thief.token, VERSION, thief.pe)
    if case == "no certificate":
        return by_tls(place, thief, good, certificate=False)
    if case == "own":
        return by_tls(place, thief, good)
    if case == "wrong token":
        return by_tls(place, thief, call(LINK, bytes(32), VERSION, thief.pe))
    if case == "no token":
        return by_tls(place, thief, call(LINK, None, VERSION, thief.pe))
    if case == "wrong name":
        return by_tls(place, thief, call(LINK, thief.token, VERSION, str(int(thief.pe) + 1)))
    if case == "other version":
        return by_tls(place, thief, call(LINK, thief.token, "9999", thief.pe))
    if case == "joins again":
        address = b"ipv4:10.77.0.4:9"
        body = bytes([0x08, int(thief.pe), 0x10, 4, 0x1A, len(address)]) + address + b"\x22\x01x"
        join = call(JOIN, thief.token, VERSION, thief.pe) + frame(0, 1, 1, struct.pack(">BI", 0, len(body)) + body)
        return by_tls(place, thief, join)
    if case == "replayed":
        return replayed(place, thief, call(LINK, thief.token, "9999", thief.pe))
    if case == "a frame of 16 MiB":
        return by_tls(place, thief, good + frame(0, 0, 1, b"", 0xFFFFFF))
    if case == "a message of 1 GiB":
        return by_tls(place, thief, good + frame(0, 0, 1, b"\0\x40\0\0\0\x01\x02\x03"))
    raise SystemExit(f"intruder.py: no case {case!r}")


if __name__ == "__main__":
    print(main(), flush=True)
