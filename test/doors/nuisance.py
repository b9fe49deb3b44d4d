"""Bad company at a job's public service: whatever a client can do wrong, again and again, until standard input ends.

    nuisance.py ADDRESS TOKEN OTHER_TOKEN PAUSE_S

Most of it is HTTP/2 written by hand, since no gRPC library would. What the service answers is checked where it must answer
(by the other token, whose client is never over its bounds); the rest has only to end. Prints "KIND N" for each kind, how often it was done, and "unexpected KIND TEXT". Status 1: something
unexpected was seen.
"""

from __future__ import annotations

import contextlib
import gzip
import os
import random
import socket
import struct
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator

import grpc

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, CONTINUATION = 0, 1, 3, 4, 6, 9
END_STREAM, END_HEADERS = 1, 4
CALL, OPEN, WATCH = (f"/chariot.v1.ObjectService/{method}" for method in ("Call", "OpenChannel", "WatchPes"))
REFLECT = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
HELD_S = 2.0  # how long something is kept open that waits for nothing
MIB = 1 << 20
HELD_MESSAGES = 1500  # of 10,000 bytes: more than gRPC and channels hold on both sides
BOMB = gzip.compress(bytes(64 * MIB), 9)


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    return struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) + struct.pack(">I", stream) + payload


def header(name: bytes, value: bytes) -> bytes:
    """A literal that is not indexed; both are short."""
    return b"\0" + bytes([len(name)]) + name + bytes([len(value)]) + value


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def call_of(method: str, value: bytes, element: int = 0) -> bytes:
    """CallRequest of grid[element].method(value); value: a Value."""
    target = field(1, b"grid") + field(3, varint(element))
    return field(1, target) + field(2, method.encode()) + field(3, field(1, value))


def channel_to(method: str, element: int) -> bytes:
    """A ChannelTarget."""
    return field(1, field(1, b"grid") + field(3, varint(element))) + field(2, method.encode())


def integer(number: int) -> bytes:
    return b"\x18" + varint(number << 1)


def message(body: bytes) -> bytes:
    return b"\0" + struct.pack(">I", len(body)) + body


class Nuisance:
    def __init__(self, address: str, token: str, other: str, pause_s: float) -> None:
        self.address, self.token, self.other, self.pause_s = address, token, other, pause_s
        self.ending = threading.Event()
        self.done: Counter[str] = Counter()
        self.unexpected: list[str] = []
        self.random = random.Random(8)

    # ------------------------------------------------------------ connections

    @contextlib.contextmanager
    def connected(self, window: int = 65535, abrupt: bool = False) -> Iterator[socket.socket]:
        host, port = self.address.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=30) as sock:
            if abrupt:  # what is unsent is thrown away, and the other side gets a reset
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.sendall(PREFACE + frame(SETTINGS, 0, 0, struct.pack(">HI", 4, window)))
            yield sock

    def head(self, stream: int, *more: bytes, path: str = CALL) -> bytes:
        pairs = ((b":method", b"POST"), (b":scheme", b"http"), (b":path", path.encode()), (b":authority", b"door"),
                 (b"te", b"trailers"), (b"content-type", b"application/grpc"),
                 (b"authorization", b"Bearer " + self.token.encode()))  # fmt: skip
        return frame(HEADERS, END_HEADERS, stream, b"".join(header(*pair) for pair in pairs) + b"".join(more))

    def whole(self, stream: int, body: bytes) -> bytes:
        return self.head(stream) + frame(DATA, END_STREAM, stream, message(body))

    def hold(self) -> None:
        self.ending.wait(HELD_S)

    def answered(self, kind: str, body: bytes, wanted: grpc.StatusCode, token: str | None = None, **options: object) -> None:
        """One call by a library, which ends so."""
        with grpc.insecure_channel(self.address) as channel:
            metadata = [("authorization", f"Bearer {self.other if token is None else token}")]
            try:
                channel.unary_unary(CALL)(body, timeout=60, metadata=metadata, **options)
                code = grpc.StatusCode.OK
            except grpc.RpcError as error:
                code = error.code()
                text = error.details()
            if code is not wanted:
                self.unexpected.append(f"{kind} {code} {text if code is not grpc.StatusCode.OK else ''}")

    # ------------------------------------------------------------ slow readers

    def without_window(self) -> None:
        """Its answers have nowhere to go."""
        with self.connected(window=0) as sock:
            sock.sendall(b"".join(self.whole(1 + 2 * i, call_of("large", integer(MIB // 4), i)) for i in range(16)))
            self.hold()

    def deaf(self) -> None:
        """Has all the room, and reads nothing."""
        with self.connected(window=2**31 - 1) as sock:
            sock.sendall(frame(8, 0, 0, struct.pack(">I", 2**31 - 1 - 65535)))
            sock.sendall(b"".join(self.whole(1 + 2 * i, call_of("large", integer(MIB // 4), i)) for i in range(16)))
            self.hold()

    def unread_channels(self) -> None:
        """The chare's sends have to wait; then the client is gone."""
        with self.connected(abrupt=True) as sock:
            for i in range(8):
                request = field(1, channel_to("flood", i))
                sock.sendall(self.head(1 + 2 * i, path=OPEN) + frame(DATA, 0, 1 + 2 * i, message(request)))
            self.hold()

    def unread_news(self) -> None:
        with self.connected(window=0) as sock:
            sock.sendall(self.head(1, path=WATCH) + frame(DATA, END_STREAM, 1, message(b"")))
            self.hold()

    def send_without_reading(self, kind: str, path: str, first: bytes, more: bytes) -> None:
        """By a library, as long as the service takes it."""
        sent = 0

        def messages() -> Iterator[bytes]:
            nonlocal sent
            yield first
            while not over.is_set() and sent < 2 * HELD_MESSAGES:
                yield more
                sent += 1

        over = threading.Event()
        fixed = [("grpc.http2.bdp_probe", 0)]  # else our own end makes room for more and more
        with grpc.insecure_channel(self.address, fixed) as channel:
            call = channel.stream_stream(path)(messages(), metadata=[("authorization", f"Bearer {self.other}")])
            self.hold()
            over.set()
            call.cancel()
        if sent > HELD_MESSAGES:
            self.unexpected.append(f"{kind} {sent} messages were taken by a service that has no room for them")

    def flooding(self) -> None:
        """The chare does not receive: the service stops reading."""
        self.send_without_reading("flooding", OPEN, field(1, channel_to("sink", 5)), field(2, field(7, bytes(10_000))))

    def reflecting(self) -> None:
        """No answer is read: the service has no more questions then."""
        question = field(1, bytes(10_000)) + field(4, b"chariot.v1.ObjectService")  # the answer repeats it
        self.send_without_reading("reflecting", REFLECT, question, question)

    # ------------------------------------------------------------ those who go

    def vanishing(self) -> None:
        for _ in range(4):
            with self.connected(abrupt=True) as sock:
                sock.sendall(b"".join(self.whole(1 + 2 * i, call_of("slow", b"\x29" + struct.pack("<d", 0.05), i)) for i in range(8)))
                cut = self.whole(101, call_of("large", integer(1000)))
                sock.sendall(cut[: self.random.randrange(len(cut))])

    def resetting(self) -> None:
        """Streams that are ended as soon as they have begun."""
        with self.connected() as sock:
            for i in range(100):
                stream = 1 + 2 * i
                sock.sendall(self.whole(stream, call_of("large", integer(10000), i % 64)) + frame(RST_STREAM, 0, stream, b"\0\0\0\x08"))

    # ------------------------------------------------------------ too much

    def oversize(self) -> None:
        self.answered("oversize", call_of("take", field(7, bytes(2 * MIB))), grpc.StatusCode.RESOURCE_EXHAUSTED)

    def claiming(self) -> None:
        """Four gigabytes are said to follow; a little does."""
        with self.connected() as sock:
            sock.sendall(self.head(1) + frame(DATA, 0, 1, b"\0\xff\xff\xff\xff" + bytes(4096)))
            sock.sendall(self.head(3) + frame(DATA, 0, 3, b"\0\0\x0f\xff\xff" + bytes(4096)))  # below the bound, and never whole
            self.hold()

    def compressed(self) -> None:
        """A few kilobytes that would become 64 MiB."""
        with self.connected() as sock:
            sock.sendall(self.head(1, header(b"grpc-encoding", b"gzip")))
            with contextlib.suppress(OSError):
                for at in range(0, len(BOMB), 16000):
                    sock.sendall(frame(DATA, 0, 1, (b"\1" + struct.pack(">I", len(BOMB)) if at == 0 else b"") + BOMB[at : at + 16000]))
            self.hold()
        body = call_of("take", field(7, bytes(1000)))
        self.answered("compressed", body, grpc.StatusCode.UNIMPLEMENTED, compression=grpc.Compression.Gzip)

    def endless_headers(self) -> None:
        with self.connected() as sock, contextlib.suppress(OSError):
            sock.sendall(frame(HEADERS, 0, 1, header(b":method", b"POST")))
            for i in range(200):
                sock.sendall(frame(CONTINUATION, 0, 1, b"".join(header(b"x-%d-%d" % (i, j), bytes(100)) for j in range(50))))

    def pinging(self) -> None:
        with self.connected() as sock, contextlib.suppress(OSError):
            for _ in range(200):
                sock.sendall(frame(PING, 0, 0, bytes(8)) + frame(SETTINGS, 0, 0))

    # ------------------------------------------------------------ nonsense

    def garbage(self) -> None:
        host, port = self.address.rsplit(":", 1)
        for start in (b"", PREFACE, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00"):
            with socket.create_connection((host, int(port)), timeout=30) as sock, contextlib.suppress(OSError):
                sock.sendall(start + os.urandom(2000))

    def nonsense_frames(self) -> None:
        for _ in range(4):
            with self.connected() as sock, contextlib.suppress(OSError):
                for _ in range(20):
                    kind, stream = self.random.randrange(12), self.random.randrange(9)
                    sock.sendall(frame(kind, self.random.randrange(256), stream, os.urandom(self.random.randrange(200))))

    def nonsense_messages(self) -> None:
        sound = call_of("note", integer(1))
        for _ in range(4):
            broken = bytearray(sound)
            broken[self.random.randrange(len(broken))] ^= 1 << self.random.randrange(8)
            with self.connected() as sock:
                sock.sendall(self.whole(1, bytes(broken)) + self.whole(3, os.urandom(60)) + self.head(5))
                sock.sendall(frame(DATA, END_STREAM, 5, b"\7" + os.urandom(9)) + self.head(7) + frame(DATA, END_STREAM, 7))
                sock.sendall(self.head(9) + frame(DATA, END_STREAM, 9, 2 * message(sound)))
                self.ending.wait(0.02)
        self.answered("nonsense", b"\xff" * 40, grpc.StatusCode.INVALID_ARGUMENT)
        self.answered("nonsense", call_of("note", b""), grpc.StatusCode.INVALID_ARGUMENT)

    # ------------------------------------------------------------ strangers

    def strangers(self) -> None:
        for token in ("", "x" * 64, self.token[:-1], self.token + "0"):
            self.answered("stranger", call_of("note", integer(1)), grpc.StatusCode.UNAUTHENTICATED, token=token)

    def silent(self) -> None:
        host, port = self.address.rsplit(":", 1)
        with contextlib.ExitStack() as stack:
            for i in range(20):
                sock = stack.enter_context(socket.create_connection((host, int(port)), timeout=30))
                sock.sendall(PREFACE[: i % len(PREFACE)])
            self.hold()

    # ------------------------------------------------------------ all of it

    def kinds(self) -> tuple[Callable[[], None], ...]:
        return (self.without_window, self.deaf, self.unread_channels, self.unread_news, self.flooding,
                self.reflecting, self.vanishing, self.resetting, self.oversize, self.claiming, self.compressed,
                self.endless_headers, self.pinging, self.garbage, self.nonsense_frames, self.nonsense_messages,
                self.strangers, self.silent)  # fmt: skip

    def keep_doing(self, kind: Callable[[], None]) -> None:
        while not self.ending.is_set():
            try:
                kind()
                self.done[kind.__name__] += 1
            except ConnectionError:  # shown out, while still at it
                self.done[kind.__name__] += 1
            except Exception as error:
                self.unexpected.append(f"{kind.__name__} {type(error).__name__} {error}")
            self.ending.wait(self.pause_s)

    def run(self) -> int:
        threads = [threading.Thread(target=self.keep_doing, args=(kind,)) for kind in self.kinds()]
        for thread in threads:
            thread.start()
        print("begun", flush=True)
        sys.stdin.read()
        self.ending.set()
        for thread in threads:
            thread.join()
        for text in self.unexpected[:20]:
            print("unexpected", text)
        for name, count in sorted(self.done.items()):
            print(name, count)
        never = [kind.__name__ for kind in self.kinds() if self.done[kind.__name__] == 0]
        return 1 if self.unexpected or never else 0


if __name__ == "__main__":
    sys.exit(Nuisance(*sys.argv[1:4], float(sys.argv[4])).run())
