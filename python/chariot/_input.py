"""Where an interactive session's lines come from: a thread reads them, so that PE 0 goes on scheduling meanwhile.

The thread sleeps in a pipe until the console asks for a line, or a signal has come (signal.set_wakeup_fd writes to the
same pipe), and hands what it has to the scheduler (_core._post). It touches no object of the program: completions, too,
are made on the PE's own thread.
"""

import contextlib
import functools
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from typing import Protocol

from . import _core
from ._statements import INTERRUPT, Lines, ScriptLines

VARIABLE = "CHARIOT_CONSOLE"  # "cells": a notebook drives the session (_cells.py)
HISTORY = "~/.chariot_history"
ASK, WATCH = b"\xff", b"\xfe"  # no numbers of signals
PATIENCE_S = 2.0
COMPLETE_WITHIN_S = 2.0  # while PE 0 computes, the tab key waits no longer


class Handler(Protocol):
    def on_line(self, line: str | None) -> None: ...
    def on_signal(self) -> None: ...
    def on_slow(self) -> None: ...


class Input:
    """A file or pipe. on_line(line) gets each line without its end, and None when there are no more; on_signal() is
    called for each SIGINT; on_slow() when no line was asked for within PATIENCE_S of the last one, or of watch(). All on
    the PE's thread."""

    lines: Callable[[], Lines] = ScriptLines
    shows_all = True  # the value of each expression; else of the last one of an input

    def __init__(self, handler: Handler) -> None:
        self.handler = handler
        self.control = _core._console_open()
        self.wake, self.woken = self._pipe()
        self.prompt = ""

    def _pipe(self) -> tuple[int, int]:
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        return wake, woken

    def start(self) -> None:
        if hasattr(sys.stdin, "reconfigure"):
            with contextlib.suppress(OSError):  # the program has read some of it
                sys.stdin.reconfigure(errors="surrogateescape")  # what is no text is an error of its statement
        threading.Thread(target=self._serve, name="chariot console", daemon=True).start()

    def ask(self, prompt: str) -> None:
        self.prompt = prompt
        os.write(self.wake, ASK)

    def on_error(self, text: str) -> None:
        """A statement has failed."""
        sys.stderr.write(text)
        sys.stderr.flush()

    def watch(self) -> None:
        os.write(self.wake, WATCH)

    def close(self) -> None:
        """The session is over; called on the PE's thread."""

    def _serve(self) -> None:
        patience_s: float | None = None
        try:
            while True:
                told = os.read(self.woken, 1) if select.select([self.woken], [], [], patience_s)[0] else b""
                patience_s = self._obey(told, patience_s)
        except _core.Charm4PyError:
            pass  # the job has ended

    def _obey(self, told: bytes, patience_s: float | None) -> float | None:
        """told b"": nothing, for so long. Returns how long to wait for the next word."""
        if told == b"":
            _core._post(self.handler.on_slow)
            return None
        if told == ASK:
            _core._post(functools.partial(self.handler.on_line, self._read()))
        elif told != WATCH:
            _core._post(self.handler.on_signal)
            return patience_s
        return PATIENCE_S

    def settle(self, prompt: bool = False) -> None:
        """Waits until all that was printed by now is where it belongs."""
        if self.control >= 0:
            _core._console_settle(self.control, prompt)

    def _read(self) -> str | None:
        self.settle()
        line = sys.stdin.readline()
        return line.rstrip("\n") if line else None


class Terminal(Input):
    """A terminal, with readline where Python has it."""

    lines = Lines

    def __init__(
        self,
        handler: Handler,
        complete: Callable[[str, int], str | None],
    ) -> None:
        super().__init__(handler)
        self._complete = complete
        self._set_up_readline()
        signal.set_wakeup_fd(self.wake, warn_on_full_buffer=False)

    def _set_up_readline(self) -> None:
        try:
            import readline
        except ImportError:
            return
        _core._console_use(readline.__file__ or "")
        readline.parse_and_bind("tab: complete")
        readline.parse_and_bind(r'"\C-c": "\C-e\C-v\C-c\C-j"')  # what was typed, and that it does not count
        readline.set_completer(self._complete_on_pe)
        readline.set_auto_history(False)
        try:
            readline.read_history_file(os.path.expanduser(HISTORY))
        except OSError:
            pass

    def close(self) -> None:
        readline = sys.modules.get("readline")
        if readline is None:
            return
        readline.set_history_length(1000)
        try:
            readline.write_history_file(os.path.expanduser(HISTORY))
        except OSError:
            pass

    def _complete_on_pe(self, text: str, state: int) -> str | None:
        found: list[str | None] = []
        done = threading.Event()

        def complete() -> None:
            try:
                found.append(self._complete(text, state))
            finally:
                done.set()

        _core._post(complete)
        done.wait(COMPLETE_WITHIN_S)
        return found[0] if found else None

    def _read(self) -> str | None:
        self.settle(prompt=True)
        restore = self._free_interrupt_key()
        try:
            line = _core._console_readline(self.prompt)
            if not line:
                os.write(0, b"\n")  # ends the prompt's line
        finally:
            restore()
            self.settle()  # so what the line makes others print comes behind it
        if not line:
            return None
        line = line.rstrip("\n")
        if line.strip() and not line.endswith(INTERRUPT) and "readline" in sys.modules:
            sys.modules["readline"].add_history(line)
        return line

    def _free_interrupt_key(self) -> Callable[[], None]:
        """Makes Ctrl-C a key like others while a line is typed: a signal would not end the reading in this thread."""
        import termios

        before = termios.tcgetattr(0)
        now = termios.tcgetattr(0)
        now[6][termios.VINTR] = b"\0"
        termios.tcsetattr(0, termios.TCSANOW, now)
        return lambda: termios.tcsetattr(0, termios.TCSANOW, before)
