"""IPython's and Jupyter's way into a job: `%load_ext chariot`, then `%chariot start -n 4`.

The kernel is no PE. It starts a job whose console it feeds over a socket (_cells.py), and from then on every cell runs
in that console, on PE 0, but those that begin with a magic or `!`. So cells see `charm`, `Group` and what earlier cells
have defined; the kernel's own variables they do not. What PEs print is collected by a thread, and printed by the cell that
runs, or comes first after it.
"""

from __future__ import annotations

import atexit
import codecs
import os
import queue
import select
import shlex
import shutil
import socket
import subprocess
import sys
import threading
from typing import Any

from ._cells import Frames
from ._input import VARIABLE

USAGE = "usage: %chariot start [options of chariot run, such as -n 4] | %chariot stop | %chariot status"
END_WITHIN_S = 10.0


class CellError(Exception):
    """A cell failed in the job: its traceback is the job's."""

    def _render_traceback_(self) -> list[str]:
        return str(self).splitlines()


def _launcher() -> str:
    beside = os.path.join(os.path.dirname(sys.executable), "chariot")
    found = beside if os.access(beside, os.X_OK) else shutil.which("chariot")
    if found is None:
        raise CellError(f"there is no command 'chariot' beside {sys.executable} or on PATH")
    return found


class Output:
    """What the job prints, on its way to the kernel's sys.stdout and sys.stderr."""

    def __init__(self, out: int, err: int) -> None:
        self._names = {out: "stdout", err: "stderr"}
        self._open = [out, err]
        self._decoders = {fd: codecs.getincrementaldecoder("utf-8")("replace") for fd in self._open}
        self._texts: queue.SimpleQueue[tuple[str, str]] = queue.SimpleQueue()
        self._reading = threading.Lock()
        self.news = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)  # readable: show() has something
        for fd in self._open:
            os.set_blocking(fd, False)
        self._thread = threading.Thread(target=self._serve, name="chariot output", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while self._open:
            select.select(self._open, [], [])
            self._take()

    def _take(self) -> None:
        """All that is in the pipes now."""
        with self._reading:
            for fd in list(self._open):
                try:
                    while data := os.read(fd, 1 << 16):
                        self._texts.put((self._names[fd], self._decoders[fd].decode(data)))
                        os.eventfd_write(self.news, 1)
                    self._open.remove(fd)
                except BlockingIOError:
                    pass

    def show(self) -> None:
        self._take()
        try:
            os.eventfd_read(self.news)
        except BlockingIOError:
            pass
        while not self._texts.empty():
            name, text = self._texts.get()
            stream = getattr(sys, name)
            stream.write(text)
            stream.flush()


class Job:
    """A running job, and the kernel's end of its console."""

    def __init__(self, words: list[str]) -> None:
        self.command = [_launcher(), "run", *words, "--interactive"]
        ours, theirs = socket.socketpair()
        with theirs:
            self.child = subprocess.Popen(
                self.command,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={**os.environ, VARIABLE: "cells"},
                start_new_session=True,  # the kernel is interrupted by SIGINT; the job hears of it from us
            )
        assert self.child.stdout is not None and self.child.stderr is not None
        self.output = Output(self.child.stdout.fileno(), self.child.stderr.fileno())
        self.frames = Frames(ours)
        self._wait()

    def run(self, text: str) -> None:
        """Runs a cell; CellError: it failed, or the job has ended."""
        try:
            self.frames.send({"cell": text})
        except OSError:
            pass  # it has ended, as is seen next
        error = self._wait().get("error")
        if error is not None:
            raise CellError(error)

    def _wait(self) -> dict[str, Any]:
        interrupts = 0
        while True:
            try:
                self.output.show()
                end = self.frames.end.fileno()
                if end not in select.select([end, self.output.news], [], [])[0]:
                    continue
                message = self.frames.receive()
                self.output.show()
                if message is None:
                    raise CellError(self.end())
                return message
            except KeyboardInterrupt:
                interrupts += 1
                if interrupts > 2:
                    raise
                self.frames.send({"interrupt": True})

    def end(self) -> str:
        """Ends it, unless it has ended; returns how it did."""
        self.frames.end.close()
        try:
            self.child.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            self.child.terminate()
            self.child.wait()
        self.output.show()
        return f"the job has ended with status {self.child.returncode}"


class Magic:
    """%chariot, and what sends cells to the job."""

    def __init__(self, shell: Any) -> None:
        self.shell = shell
        self.job: Job | None = None
        shell.register_magic_function(self.line, "line", "chariot")
        shell.register_magic_function(self.cell, "cell", "chariot_cell")
        shell.input_transformers_cleanup.append(self.redirect)
        atexit.register(self.stop)

    def line(self, text: str) -> None:
        """%chariot start [-n N], %chariot stop, %chariot status"""
        command, *words = shlex.split(text) or [""]
        actions = {"stop": self.stop, "status": self.status}
        if command == "start":
            self.start(words)
        elif command in actions and not words:
            print(actions[command]())
        else:
            raise CellError(USAGE)

    def start(self, words: list[str]) -> None:
        if self.job is not None:
            raise CellError("a job runs already: %chariot stop ends it")
        self.job = Job(words)

    def stop(self) -> str:
        job, self.job = self.job, None
        return "no job runs" if job is None else job.end()

    def status(self) -> str:
        if self.job is None:
            return "no job runs; %chariot start -n 4 starts one"
        return f"a job runs: {shlex.join(self.job.command)}"

    def cell(self, line: str, text: str) -> None:
        assert self.job is not None
        try:
            self.job.run(text)
        finally:
            if self.job.child.returncode is not None:
                self.job = None

    def redirect(self, lines: list[str]) -> list[str]:
        """A cell becomes one that is run in the job; magics and commands of the shell stay the kernel's."""
        first = next((line.lstrip() for line in lines if line.strip()), "")
        if self.job is None or not first or first[0] in "%!":
            return lines
        return ["%%chariot_cell\n", *lines]


def load(shell: Any) -> None:
    Magic(shell)
