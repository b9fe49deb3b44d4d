"""A session that a notebook drives: whole cells, and interrupts, come over a socket that is PE 0's standard input; what
comes of each goes back. Both ends use Frames: the kernel's (_ipython.py) and the console's (Cells)."""

import _thread
import functools
import json
import os
import select
import socket
import struct
from collections.abc import Iterator
from typing import Any

from . import _core
from ._input import ASK, PATIENCE_S, Handler, Input
from ._statements import Lines


class Frames:
    """Messages on a stream socket: 4 bytes of size, then JSON."""

    def __init__(self, end: socket.socket) -> None:
        self.end = end

    def send(self, message: dict[str, Any]) -> None:
        data = json.dumps(message).encode()
        self.end.sendall(struct.pack("<I", len(data)) + data)

    def receive(self) -> dict[str, Any] | None:
        """None: the other end is closed."""
        head = self._read(4)
        data = None if head is None else self._read(struct.unpack("<I", head)[0])
        return None if data is None else dict(json.loads(data))

    def _read(self, size: int) -> bytes | None:
        data = bytearray()
        while len(data) < size:
            try:
                part = self.end.recv(size - len(data))
            except ConnectionError:
                return None
            if not part:
                return None
            data += part
        return bytes(data)


class CellLines(Lines):
    def push(self, line: str) -> Iterator[str]:
        yield line


class Cells(Input):
    """on_line() gets a cell's text."""

    lines = CellLines
    shows_all = False

    def __init__(self, handler: Handler) -> None:
        super().__init__(handler)
        self.frames = Frames(socket.socket(fileno=os.dup(0)))
        self.answers = False  # a cell runs
        self.error: str | None = None

    def on_error(self, text: str) -> None:
        self.error = text

    def _serve(self) -> None:
        patience_s: float | None = None
        try:
            while True:
                ready = select.select([self.woken, self.frames.end.fileno()], [], [], patience_s)[0]
                if self.woken in ready or not ready:
                    patience_s = self._obey(os.read(self.woken, 1) if ready else b"", patience_s)
                    continue
                message = self.frames.receive()
                if message is not None and "interrupt" in message:
                    _thread.interrupt_main()
                    _core._post(self.handler.on_signal)
                    continue
                self.answers, patience_s = True, PATIENCE_S
                _core._post(functools.partial(self.handler.on_line, None if message is None else message["cell"]))
                if message is None:
                    return  # the kernel has ended
        except (_core.Charm4PyError, OSError):
            pass  # the job has ended

    def _obey(self, told: bytes, patience_s: float | None) -> float | None:
        if told == ASK:
            self._answer()
            return None
        return super()._obey(told, patience_s)

    def _answer(self) -> None:
        """The console is ready for a cell, so the one before it has ended."""
        self.settle()
        self.frames.send({"error": self.error} if self.answers else {"ready": True})
        self.answers = False
        self.error = None
