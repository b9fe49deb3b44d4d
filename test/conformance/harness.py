"""Runs Python programs as jobs, for the conformance tests: `run(text, n)` on n PEs, `run(text, None)` as `python prog.py`.

Each job gets a directory of its own with prog.py, checks.py and further files, a TMPDIR of its own, and a mark in its
environment. When it has ended, no process with that mark and no file of Chariot's in TMPDIR may be left. A job that
is late is killed, all of it. Nothing here imports chariot.
"""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
import textwrap
import threading
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("CHARIOT_TEST_BIN", ROOT / ".venv/bin"))  # another installation than this checkout's
CHARIOT = BIN / "chariot"
PYTHON = BIN / "python"
CHECKS = Path(__file__).with_name("checks.py")
PES = tuple(map(int, os.environ.get("CHARIOT_TEST_PES", "1,2,4").split(",")))
DEADLINE_S = 60.0  # of a job that hangs: no job of the tests takes a tenth of that on an idle machine
RUN_ARGS = shlex.split(os.environ.get("CHARIOT_TEST_RUN_ARGS", ""))  # for `chariot run`: other hosts (test/cluster/net.py)
GRACE_S = 20.0  # for what is cleaned up behind a job's back after a launcher that was killed

PREAMBLE = """\
import os, pickle, signal, sys, time
import numpy as np
from chariot import charm, Chare, Group, Array, Channel, Future, Reducer, coro
from checks import eq, same, check, refused, raises, is_charm_error, done
"""


class Result(NamedTuple):
    stdout: str
    stderr: str
    status: int

    @property
    def said(self) -> str:
        return self.stdout + self.stderr

    def lines(self) -> list[str]:
        """What it printed, where the order is free."""
        return sorted(self.stdout.splitlines())


class Job:
    """A job that is running. Its output is collected by two threads; wait_for() waits for a line of it."""

    def __init__(
        self,
        command: Sequence[str | Path],
        directory: Path,
        timeout: float,
        user: int | None = None,
        environment: Mapping[str, str] | None = None,
        stdin: str | None = None,
    ) -> None:
        self.mark = f"CHARIOT_CONFORMANCE={uuid.uuid4()}"
        self.tmp = directory / "t"
        self.tmp.mkdir()
        name, value = self.mark.split("=")
        drop = ("XDG_RUNTIME_DIR", "PYTHONPATH")
        env = {key: text for key, text in os.environ.items() if key not in drop and not key.startswith("CHARIOT_")}
        env |= {name: value, "TMPDIR": str(self.tmp), "PYTHONDONTWRITEBYTECODE": "1"} | dict(environment or {})
        for path in (directory, self.tmp):
            path.chmod(0o755 if user is None else 0o777)
        self.deadline = time.monotonic() + timeout
        self.out: list[str] = []
        self.err: list[str] = []
        self.news = threading.Condition()
        if stdin is not None:
            (directory / "stdin").write_text(stdin)
        self.child = subprocess.Popen(
            [str(word) for word in command],
            cwd=directory,
            env=env,
            stdin=subprocess.DEVNULL if stdin is None else (directory / "stdin").open(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
            user=user,
            group=user,
            extra_groups=None if user is None else [],
        )
        self.readers = [
            threading.Thread(target=self.collect, args=(stream, lines), daemon=True)
            for stream, lines in ((self.child.stdout, self.out), (self.child.stderr, self.err))
        ]
        for reader in self.readers:
            reader.start()

    def collect(self, stream: Iterator[str], lines: list[str]) -> None:
        for line in stream:
            with self.news:
                lines.append(line)
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def wait_for(self, text: str, times: int = 1) -> None:
        """Until so many lines with that text were printed."""
        with self.news:
            while sum(text in line for line in self.out) < times:
                left = self.deadline - time.monotonic()
                assert left > 0 and self.child.poll() is None, f"no {text!r}: {''.join(self.out + self.err)}"
                self.news.wait(min(left, 0.2))

    def left(self) -> list[str]:
        """Processes of this job, but those that have ended already."""
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                    found.append(f"{path.name} {(path / 'cmdline').read_bytes().decode(errors='replace')}")
            except OSError:
                pass  # gone, or another user's
        return found

    def files_left(self) -> list[str]:
        return sorted(path.name for path in self.tmp.iterdir() if "chariot" in path.name.lower())

    def finish(self) -> Result:
        """Waits for its end; nothing of it may be left then."""
        try:
            self.child.wait(max(self.deadline - time.monotonic(), 0.1))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the job did not end in time\n{''.join(self.out)}\n{''.join(self.err)}") from None
        self.assert_clean()
        for reader in self.readers:
            reader.join(GRACE_S)
        return Result("".join(self.out), "".join(self.err), self.child.returncode)

    def assert_clean(self) -> None:
        until = time.monotonic() + GRACE_S
        while (self.left() or self.files_left()) and time.monotonic() < until:
            time.sleep(0.02)
        processes, files = self.left(), self.files_left()
        self.kill()
        assert not processes, f"processes were left behind: {processes}\n{''.join(self.out + self.err)}"
        assert not files, f"files were left behind: {files}"

    def kill(self) -> None:
        for line in self.left():
            try:
                os.kill(int(line.split()[0]), signal.SIGKILL)
            except ProcessLookupError:
                pass
        self.child.wait()


@contextmanager
def job(
    text: str,
    n: int | None,
    args: Sequence[str] = (),
    timeout: float = DEADLINE_S,
    files: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    preamble: bool = True,
) -> Iterator[Job]:
    """Starts a program (or, with n=None, plain Python) and yields the running job; kills what is left of it."""
    with directory_of(text, files, preamble) as directory:
        launch: list[str | Path] = [PYTHON] if n is None else [CHARIOT, "run", "-n", str(n), *RUN_ARGS, *options]
        running = Job([*launch, "prog.py", *args], directory, timeout)
        try:
            yield running
        finally:
            running.kill()


def run(
    text: str,
    n: int | None,
    args: Sequence[str] = (),
    timeout: float = DEADLINE_S,
    files: Mapping[str, str] | None = None,
    options: Sequence[str] = (),
    preamble: bool = True,
) -> Result:
    with job(text, n, args, timeout, files, options, preamble) as running:
        return running.finish()


def command(*words: str | Path, files: Mapping[str, str] | None = None, user: int | None = None) -> Result:
    """Runs `chariot` with these words, in a directory with these files."""
    with directory_of("", files, False) as directory:
        running = Job([CHARIOT, *words], directory, DEADLINE_S, user)
        try:
            return running.finish()
        finally:
            running.kill()


@contextmanager
def directory_of(text: str, files: Mapping[str, str] | None, preamble: bool) -> Iterator[Path]:
    """Short, since the paths of sockets end at 107 bytes."""
    directory = Path(tempfile.mkdtemp(prefix="cf"))
    try:
        if text:
            (directory / "prog.py").write_text((PREAMBLE if preamble else "") + textwrap.dedent(text))
            shutil.copy(CHECKS, directory)
        for name, content in (files or {}).items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(textwrap.dedent(content))
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def launch(
    words: Sequence[str | Path],
    text: str,
    files: Mapping[str, str] | None = None,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Runs a command line of one's own where text is prog.py, with these variables besides."""
    with directory_of(text, files, False) as directory:
        running = Job(words, directory, DEADLINE_S, environment=environment)
        try:
            return running.finish()
        finally:
            running.kill()


def holds(text: str, n: int | None, **how: object) -> Result:
    """Runs a program that ends with done(): all its checks must hold."""
    result = run(text, n, **how)  # type: ignore[arg-type]
    assert result.status == 0 and "all checks hold" in result.stdout, f"status {result.status}\n{result.said}"
    return result


def fails(text: str, n: int | None, *words: str, status: int | None = None, **how: object) -> Result:
    """Runs a program that ends badly: its status and what it says of the reason."""
    result = run(text, n, **how)  # type: ignore[arg-type]
    assert result.status > 0, f"status {result.status}\n{result.said}"
    if status is not None:
        assert result.status == status, f"status {result.status}, expected {status}\n{result.said}"
    for word in words:
        assert word in result.said, f"{word!r} is not in\n{result.said}"
    return result
