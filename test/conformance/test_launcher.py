"""The launcher, from outside: programs that speak the control stream by hand, shell scripts, and mistakes.

No program here uses chariot: what a PE says to its launcher (chariot/v1/control.proto) is written byte by byte. Every job
runs with a mark in its environment and a TMPDIR of its own; when it has ended, nothing of it may be left.
CHARIOT_LAUNCHER names another launcher to test, one built with sanitizers for example.
"""

from __future__ import annotations

import contextlib
import os
import pty
import re
import resource
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = os.environ.get("CHARIOT_LAUNCHER", str(ROOT / "build/release/bin/chariot"))
DEADLINE_S = 60.0

# A PE by hand: its ticket is in T, say() and hear() speak the control stream.
PE = """#!/usr/bin/python3 -ES
import os, signal, struct, sys, time
C = int(os.environ["CHARIOT_CONTROL_FD"])
def number(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])
def field(tag, value):
    if isinstance(value, int):
        return number(tag << 3) + number(value)
    return number(tag << 3 | 2) + number(len(value)) + value
def say(tag, body):
    message = field(tag, body)
    os.write(C, struct.pack("<I", len(message)) + message)
def hello(): say(6, b"")
def listening(address): say(1, field(1, address.encode()))
def verdict(status, text): say(2, field(2, status) + field(3, text.encode()))
def farewell(status=0): say(3, field(1, status))
def fields(data):
    out, at = {}, 0
    def varint():
        nonlocal at
        n = shift = 0
        while True:
            b = data[at]; at += 1
            n |= (b & 127) << shift; shift += 7
            if b < 128: return n
    while at < len(data):
        tag = varint()
        if tag & 7 == 0: out[tag >> 3] = varint()
        else:
            size = varint(); out[tag >> 3] = data[at:at + size]; at += size
    return out
def exactly(size):
    data = b""
    while len(data) < size:
        more = os.read(C, size - len(data))
        if not more: sys.exit("the launcher is gone")
        data += more
    return data
def hear():
    (tag, body), = fields(exactly(struct.unpack("<I", exactly(4))[0])).items()
    return tag, fields(body)
def put(text):
    os.write(1, text.encode() + b"\\n")  # a signal handler may use it
def forever():
    while True: signal.pause()
tag, T = hear()
assert tag == 1, tag
ME, N = T.get(2, 0), T[3]
hello()
"""


def wait_until(condition: Callable[[], Any], what: str, seconds: float = DEADLINE_S) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"still not so after {seconds} s: {what}"
        time.sleep(0.01)


# Stands for ssh: hosts are names, their shells run here. test/cluster/ has real ones.
SSH = """#!/bin/sh
export SSH_CONNECTION="127.0.0.1 40000 127.0.0.1 22"
shift
exec /bin/sh -c "$1"
"""


class Place:
    """A directory for programs, with its own TMPDIR, and a mark by which processes of its jobs are found.

    by_ssh: jobs of `chariot run` are those of two hosts.
    """

    def __init__(self, path: Path, by_ssh: bool = False) -> None:
        self.path = path
        self.by_ssh = by_ssh
        self.tmp = Path(tempfile.mkdtemp(prefix="cl-", dir="/tmp"))
        self.tmp.chmod(0o1777)
        self.mark = f"CHARIOT_LAUNCHER_TEST={uuid.uuid4()}"
        drop = ("XDG_RUNTIME_DIR", "CHARIOT_PYTHON", "CHARIOT_CONTROL_FD")
        self.env = {key: text for key, text in os.environ.items() if key not in drop}
        self.env |= {"TMPDIR": str(self.tmp), self.mark.split("=")[0]: self.mark.split("=")[1]}

    def host(self, pe: int, pes: int) -> str:
        """Where it runs, as messages name it."""
        return socket.gethostname() if not self.by_ssh else "a" if pe < (pes + 1) // 2 else "b"

    def program(self, name: str, text: str, mode: int = 0o755) -> str:
        (self.path / name).write_text(text)
        (self.path / name).chmod(mode)
        return f"./{name}"

    def pe(self, body: str) -> str:
        return self.program("pe", PE + body)

    def shell(self, body: str) -> str:
        return self.program("prog", "#!/bin/sh\n" + body)

    def start(self, *words: object, command: str = CHARIOT, **kwargs: Any) -> subprocess.Popen[bytes]:
        given = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | kwargs
        if self.by_ssh and words[0] == "run":
            self.program("ssh", SSH)
            words = ("run", "--hosts", "a,b", "--remote-shell", f"{self.path}/ssh", *words[1:])
        return subprocess.Popen(
            [command, *map(str, words)], cwd=self.path, env=self.env, start_new_session=True, **given
        )

    def run(self, *words: object, text_in: str = "", **kwargs: Any) -> tuple[int, str, str]:
        if text_in:
            kwargs["stdin"] = subprocess.PIPE
        with self.start(*words, **kwargs) as child:
            try:
                out, err = child.communicate(text_in.encode() or None, timeout=DEADLINE_S)
            except subprocess.TimeoutExpired:
                child.kill()
                raise
        return child.returncode, (out or b"").decode(), (err or b"").decode()

    def processes(self) -> list[str]:
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes():
                    found.append(f"{entry.name} {(entry / 'comm').read_text().strip()}")
        return found

    def nothing_left(self) -> bool:
        return not self.processes() and not list(self.tmp.iterdir())


by_ssh_too = pytest.mark.parametrize("place", ["here", "by ssh"], indirect=True)


@pytest.fixture
def place(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Place]:
    tmp_path.chmod(0o755)
    made = Place(tmp_path, getattr(request, "param", "here") == "by ssh")
    yield made
    try:
        left, files = made.processes(), list(made.tmp.iterdir())
        if left or files:  # a guard may still be at work
            wait_until(made.nothing_left, f"nothing left but {left} {files}", 20)
    finally:
        for process in made.processes():
            os.kill(int(process.split()[0]), signal.SIGKILL)
        shutil.rmtree(made.tmp)


def lines_of(child: subprocess.Popen[bytes], count: int) -> list[str]:
    assert child.stdout is not None
    return [child.stdout.readline().decode().rstrip("\n") for _ in range(count)]


def end_of(child: subprocess.Popen[bytes]) -> tuple[int, str, str]:
    out, err = child.communicate(timeout=DEADLINE_S)
    return child.returncode, out.decode(), err.decode()


# ---------------------------------------------------------------- starting


def test_each_pe_has_its_ticket(place: Place) -> None:
    prog = place.pe(
        """
st = os.stat(T[6])
assert st.st_mode & 0o7777 == 0o700 and len(T[6]) <= 83
put(f"{ME} {N} {T[1].decode()} {T[4].hex()} {T[5].decode()} {T[6].decode()} {sys.argv[1:]}")
farewell()
"""
    )
    status, out, err = place.run("run", "-n", 3, "--transport", "tcp", prog, "-n", "x y")
    assert (status, err) == (0, "")
    rows = sorted(out.splitlines())
    assert [row.split()[0] for row in rows] == ["0", "1", "2"]
    assert len({row.split(" ", 1)[1] for row in rows}) == 1
    _, pes, _, token, transport, run_dir, *arguments = rows[0].split(" ")
    assert (pes, len(token), transport, " ".join(arguments)) == ("3", 64, "tcp", "['-n', 'x y']")
    assert run_dir.startswith(f"{place.tmp}/chariot-") and not os.path.exists(run_dir)


@by_ssh_too
def test_the_token_is_in_no_environment_and_on_no_command_line(place: Place) -> None:
    prog = place.pe(
        """
for name in "environ", "cmdline":
    data = open(f"/proc/self/{name}", "rb").read()
    assert T[4] not in data and T[4].hex().encode() not in data
put(T[4].hex()); farewell()
"""
    )
    tokens = {place.run("run", "-n", 1, prog)[1] for _ in range(2)}
    assert len(tokens) == 2


@by_ssh_too
def test_others_hear_where_pe_0_listens(place: Place) -> None:
    prog = place.pe(
        """
if ME == 0: listening("unix:/somewhere")
else: put(f"{ME} {hear()[1][1].decode()}")
farewell()
"""
    )
    status, out, _ = place.run("run", "-n", 3, prog)
    assert (status, sorted(out.splitlines())) == (0, ["1 unix:/somewhere", "2 unix:/somewhere"])


def test_pe_0_reads_our_standard_input_and_others_nothing(place: Place) -> None:
    prog = place.pe("put(f'{ME} {sys.stdin.read()!r}'); farewell()\n")
    status, out, _ = place.run("run", "-n", 2, prog, text_in="a word")
    assert (status, sorted(out.splitlines())) == (0, ["0 'a word'", "1 ''"])


def test_pes_start_as_clean_as_a_shell_would_start_them(place: Place) -> None:
    prog = place.pe(
        """
import resource
fds = {int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists("/proc/self/fd/" + fd)}  # not the listing's own
assert fds == {0, 1, 2, C, int(os.environ["CHARIOT_SHM_FD"])}, fds
assert os.getpgrp() == os.getpid()
state = dict(line.split(":") for line in open("/proc/self/status"))
assert int(state["SigBlk"], 16) == 0
put(str(resource.getrlimit(resource.RLIMIT_NOFILE)[0]))
farewell()
"""
    )
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert place.run("run", "-n", 2, prog) == (0, f"{limit}\n{limit}\n", "")
    ignored = "grep SigIgn /proc/$$/status"
    status, out, _ = place.run("run", "-n", 1, place.shell(ignored))
    shell = subprocess.run(["/bin/sh", "-c", ignored], capture_output=True, text=True, restore_signals=True)
    assert (status, out) == (0, shell.stdout)


@by_ssh_too
def test_python_programs_run_by_chariot_boot(place: Place) -> None:
    place.env["CHARIOT_PYTHON"] = place.program("python", '#!/bin/sh\necho "$@"\n')
    place.program("prog.py", "")
    assert place.run("run", "-n", 1, "prog.py", "a", "-b") == (0, "-m chariot.boot prog.py a -b\n", "")


def test_the_default_is_one_pe_per_core(place: Place) -> None:
    status, out, _ = place.run("run", place.shell("echo here\n"))
    assert (status, out) == (0, "here\n" * len(os.sched_getaffinity(0)))


def test_standard_descriptors_may_be_closed(place: Place) -> None:
    prog = place.pe("put('lost'); farewell(5)\n")
    for fds in ((1,), (0, 1, 2)):
        command = f"exec {CHARIOT} run -n 2 {prog} " + " ".join(f"{fd}>&-" for fd in fds)
        assert place.run("-c", command, command="/bin/sh")[0] == 5


# ---------------------------------------------------------------- endings


@by_ssh_too
@pytest.mark.parametrize("status", [0, 3, 255])
def test_farewell_gives_the_status(place: Place, status: int) -> None:
    prog = place.pe(f"farewell({status}); sys.exit({status} if ME == 0 else 0)\n")
    assert place.run("run", "-n", 3, prog) == (status, "", "")


@by_ssh_too
def test_a_verdict_ends_the_job_and_is_printed_once(place: Place) -> None:
    prog = place.pe(
        """
signal.signal(signal.SIGTERM, signal.SIG_IGN)
put(f"PE {ME} is there")
if ME == 0: listening("x")
else: hear()
verdict(9, f"PE {ME} has failed\\nand says why")
forever()
"""
    )
    status, out, err = place.run("run", "-n", 3, prog)
    assert status == 9
    assert re.fullmatch(r"PE \d has failed\nand says why\n", err)
    assert set(out.splitlines()) <= {f"PE {pe} is there" for pe in range(3)}


@by_ssh_too
def test_output_before_a_verdict_comes_first(place: Place) -> None:
    prog = place.pe("for i in range(1000): print(i)\nsys.stdout.flush()\nverdict(1, 'the end')\nforever()\n")
    status, out, _ = place.run("run", "-n", 1, prog, stderr=subprocess.STDOUT)
    assert (status, out) == (1, "".join(f"{i}\n" for i in range(1000)) + "the end\n")


@by_ssh_too
def test_a_verdict_comes_before_the_death_that_follows_it(place: Place) -> None:
    prog = place.pe("if ME == 1:\n    verdict(4, 'why'); os.kill(os.getpid(), signal.SIGKILL)\nforever()\n")
    assert place.run("run", "-n", 2, prog) == (4, "", "why\n")


@by_ssh_too
@pytest.mark.parametrize("number, text", [(11, "Segmentation fault"), (9, "Killed"), (6, "Aborted"), (15, "Terminated")])
def test_a_pe_killed_by_a_signal_is_named(place: Place, number: int, text: str) -> None:
    prog = place.pe(
        f"""
if ME == 2:
    put(os.getpid()); hear(); os.kill(os.getpid(), {number})
if ME == 0: listening("x")
forever()
""".replace("put(os.getpid())", "put(str(os.getpid()))")
    )
    start = time.monotonic()
    status, out, err = place.run("run", "-n", 3, prog)
    assert status == 128 + number
    assert err == (
        f"chariot: PE 2 (pid {out.strip()} on {place.host(2, 3)}) was killed by signal {number} ({text})\n"
    )
    assert time.monotonic() - start < DEADLINE_S / 2


DIES = """
import os, signal
from chariot import Array, Chare, charm, coro

def die():
    os.kill(os.getpid(), signal.SIGKILL)

class Cell(Chare):
    def __init__(self, how):
        if how == "constructor": die()
    def step(self): die()
    @coro
    def later(self):
        charm.sleep(0.01)
        die()

def task(x): die()

def main(args):
    how = args[1]
    cells = Array(Cell, 4, args=[how])
    if how == "method": cells[3].step()
    if how == "coroutine": cells[3].later()
    if how == "pool": charm.pool.map(task, range(8))
    if how == "entry": die()

charm.start(main)
"""


@by_ssh_too
@pytest.mark.parametrize("how, where", {
    "method": "Cell.step", "coroutine": "Cell.later", "constructor": "the constructor of Cell",
    "pool": "a task of the pool", "entry": "its entry function",
}.items())  # fmt: skip
def test_what_a_killed_pe_was_running_is_named(place: Place, how: str, where: str) -> None:
    place.env["CHARIOT_PYTHON"] = str(ROOT / ".venv/bin/python")
    status, _, err = place.run("run", "-n", 2, "--quiet", place.program("dies.py", DIES), how)
    assert status == 137 and re.fullmatch(rf"chariot: PE [01] \(pid \d+ on \S+\) was killed by signal 9 \(Killed\), in {where}\n", err), err


@by_ssh_too
def test_a_pe_that_fails_before_the_end_is_named(place: Place) -> None:
    prog = place.pe("if ME == 1: sys.exit(3)\nforever()\n")
    status, out, err = place.run("run", "-n", 2, prog)
    assert (status, out) == (3, "")
    assert re.fullmatch(rf"chariot: PE 1 \(pid \d+ on {place.host(1, 2)}\) ended with status 3 before the job did\n", err)


@by_ssh_too
def test_a_pe_that_fails_after_the_end_is_named(place: Place) -> None:
    prog = place.pe("farewell()\nif ME == 1: sys.exit(3)\n")
    status, _, err = place.run("run", "-n", 2, prog)
    assert status == 3
    assert re.fullmatch(r"chariot: PE 1 \(pid .*\) ended with status 3 after the job had ended with 0\n", err)


@by_ssh_too
def test_programs_without_chariot_end_as_they_like(place: Place) -> None:
    # The second half is longer than the time after which an absent PE of a job would be missed.
    prog = place.shell('echo here; mkdir only-one 2>/dev/null && exit 0; sleep 6; exit 0\n')
    assert place.run("run", "-n", 2, prog) == (0, "here\nhere\n", "")


@by_ssh_too
def test_a_pe_that_ends_without_a_word_is_missed(place: Place) -> None:
    prog = place.pe("if ME == 0: sys.exit(0)\nforever()\n")
    status, _, err = place.run("run", "-n", 2, prog)
    assert status == 70
    assert err.startswith("chariot: PE 0 ended without charm.exit() while others still run")
    assert err.count("\n") == 1


@by_ssh_too
def test_a_pe_that_does_not_end_with_the_job_is_named(place: Place) -> None:
    prog = place.pe("if ME == 0: farewell(); sys.exit(0)\nforever()\n".replace(": farewell", ":\n    farewell"))
    status, _, err = place.run("run", "-n", 3, prog)
    assert status == 70
    assert re.match(r"chariot: the job has ended, but PE 1, 2 did not within 10 s", err)
    assert err.count("\n") == 1


@by_ssh_too
@pytest.mark.parametrize(
    "bad",
    [
        "os.write(C, b'\\x02\\0\\0\\0\\xff\\xff')",
        "os.write(C, b'\\0\\0\\0\\x40')",
        "os.write(C, b'\\x09\\0\\0\\0cut'); os.close(C)",
        "listening('only PE 0 may')",
        "os.write(C, b'\\0\\0\\0\\0')",
    ],
)
def test_garbage_on_the_control_stream_ends_the_job(place: Place, bad: str) -> None:
    prog = place.pe(f"if ME == 1:\n    {bad}\nforever()\n")
    assert place.run("run", "-n", 2, prog) == (70, "", "chariot: PE 1 sent garbage on its control stream\n")


@by_ssh_too
def test_timeout_ends_the_job(place: Place) -> None:
    prog = place.pe("forever()\n")
    status, _, err = place.run("run", "-n", 2, "--timeout", "0.2", prog)
    assert (status, err) == (124, "chariot: the job has run for 0.2 s (--timeout) and is ended\n")


@by_ssh_too
def test_what_a_pe_has_started_ends_with_it(place: Place) -> None:
    prog = place.shell("sleep 1000 & exit 0\n")
    assert place.run("run", "-n", 2, prog) == (0, "", "")
    wait_until(place.nothing_left, "what the PEs had started has ended")  # killed by then, but dead a moment later


# ---------------------------------------------------------------- signals

READY = """
def on(number, frame):
    put(f"{ME} got {number}")
    sys.exit(0)
for number in signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1: signal.signal(number, on)
put(f"{ME} ready")
forever()
"""


@by_ssh_too
@pytest.mark.parametrize("number, text", [(2, "Interrupt"), (15, "Terminated"), (1, "Hangup")])
def test_signals_that_end_are_passed_on(place: Place, number: int, text: str) -> None:
    with place.start("run", "-n", 2, place.pe(READY)) as child:
        assert sorted(lines_of(child, 2)) == ["0 ready", "1 ready"]
        child.send_signal(number)
        status, out, err = end_of(child)
    assert status == 128 + number
    assert sorted(out.splitlines()) == [f"0 got {number}", f"1 got {number}"], err
    assert err == f"chariot: ended by signal {number} ({text})\n"


STUBBORN = "for number in range(1, 16):\n    if number != 9: signal.signal(number, signal.SIG_IGN)\nput('ready')\nforever()\n"


@by_ssh_too
@pytest.mark.parametrize("times", [1, 2])
def test_pes_that_ignore_an_interrupt_are_killed(place: Place, times: int) -> None:
    with place.start("run", "-n", 2, place.pe(STUBBORN)) as child:
        assert lines_of(child, 2) == ["ready", "ready"]
        start = time.monotonic()
        child.send_signal(signal.SIGINT)
        if times == 2:
            assert child.stderr is not None
            assert child.stderr.readline() == b"chariot: ended by signal 2 (Interrupt)\n"
            child.send_signal(signal.SIGINT)
        status, _, _ = end_of(child)
    assert status == 130
    if times == 1:
        assert time.monotonic() - start >= 1.9


@by_ssh_too
def test_other_signals_are_passed_on(place: Place) -> None:
    with place.start("run", "-n", 2, place.pe(READY)) as child:
        lines_of(child, 2)
        child.send_signal(signal.SIGUSR1)
        status, out, err = end_of(child)
    assert (status, sorted(out.splitlines()), err) == (0, ["0 got 10", "1 got 10"], "")


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


def test_stop_and_continue_reach_all(place: Place) -> None:
    prog = place.pe("put(str(os.getpid()))\nforever()\n")
    with place.start("run", "-n", 2, prog) as child:
        pids = [child.pid, *map(int, lines_of(child, 2))]
        child.send_signal(signal.SIGTSTP)
        wait_until(lambda: all(state(pid) == "T" for pid in pids), "all stopped")
        child.send_signal(signal.SIGCONT)
        wait_until(lambda: all(state(pid) != "T" for pid in pids), "all continued")
        child.send_signal(signal.SIGTERM)
        assert end_of(child)[0] == 143


def test_what_nohup_ignores_stays_ignored(place: Place) -> None:
    prog = place.pe("put(str(signal.getsignal(signal.SIGHUP)))\nhear()\nput('not reached')\n")
    ignore = lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN)  # noqa: E731
    with place.start("run", "-n", 1, prog, preexec_fn=ignore) as child:
        assert lines_of(child, 1) == [str(signal.SIG_IGN)]
        child.send_signal(signal.SIGHUP)
        child.send_signal(signal.SIGTERM)
        assert end_of(child)[0] == 143


@by_ssh_too
@pytest.mark.parametrize("whole_group", [False, True])
def test_a_killed_launcher_takes_all_along(place: Place, whole_group: bool) -> None:
    prog = place.pe(
        STUBBORN.replace("put('ready')", "if os.fork() == 0: forever()\nopen(T[6].decode() + f'/{ME}.sock', 'w')\nput('ready')")
    )
    with place.start("run", "-n", 3, prog) as child:
        assert lines_of(child, 3) == ["ready"] * 3
        agents = 4 if place.by_ssh else 0  # with a guard each
        assert len(place.processes()) == 8 + agents  # launcher, guard, PEs, a child of each
        if whole_group:
            os.killpg(child.pid, signal.SIGKILL)
        else:
            child.kill()
        child.wait()
        wait_until(place.nothing_left, "nothing left", 2)


# ---------------------------------------------------------------- output


@by_ssh_too
def test_lines_never_mix(place: Place) -> None:
    prog = place.pe(
        """
line = str(ME) * 499 + "\\n"
for i in range(400):
    for piece in line[:100], line[100:]: os.write(1 + i % 2, piece.encode())
farewell()
"""
    )
    status, out, _ = place.run("run", "-n", 4, prog, stderr=subprocess.STDOUT)
    assert status == 0
    lines = out.splitlines()
    assert len(lines) == 1600
    assert all(len(line) == 499 and len(set(line)) == 1 for line in lines)


@by_ssh_too
def test_tags(place: Place) -> None:
    prog = place.pe("put(f'one\\ntwo')\nsys.stderr.write('err\\n')\nfarewell()\n")
    status, out, err = place.run("run", "-n", 2, "--tag", prog)
    assert status == 0
    assert sorted(out.splitlines()) == ["[0] one", "[0] two", "[1] one", "[1] two"]
    assert sorted(err.splitlines()) == ["[0] err", "[1] err"]


@by_ssh_too
def test_an_unfinished_last_line_is_kept_as_it_is(place: Place) -> None:
    prog = place.pe("os.write(1, b'no newline')\nfarewell()\n")
    assert place.run("run", "-n", 1, prog) == (0, "no newline", "")


@by_ssh_too
def test_a_slow_reader_loses_nothing(place: Place) -> None:
    prog = place.pe("for i in range(300000): print(i)\nfarewell()\n")
    with place.start("run", "-n", 1, prog) as child:
        assert child.stdout is not None
        wait_until(lambda: state(child.pid) == "S" and is_writing(place), "the PE waits in write")
        out = child.stdout.read()
        assert child.wait(DEADLINE_S) == 0
    assert out == b"".join(b"%d\n" % i for i in range(300000))


def is_writing(place: Place) -> bool:
    """Whether a PE sleeps in a write to its pipe."""
    for process in place.processes():
        pid, name = process.split(" ", 1)
        if name == "pe":
            with contextlib.suppress(OSError):
                return "pipe_write" in Path(f"/proc/{pid}/wchan").read_text()
    return False


@by_ssh_too
def test_signals_are_heard_while_our_output_is_stuck(place: Place) -> None:
    prog = place.pe("while True: print('x' * 100)\n")
    with place.start("run", "-n", 2, prog) as child:
        wait_until(lambda: is_writing(place), "a PE waits in write")
        child.send_signal(signal.SIGTERM)
        wait_until(lambda: not any(process.endswith(" pe") for process in place.processes()), "no PE left")
        for _ in range(100):  # the first after it has heard that they are gone ends it
            child.send_signal(signal.SIGTERM)  # nobody will ever read what is left
            with contextlib.suppress(subprocess.TimeoutExpired):
                assert child.wait(0.2) == 143
                break
        assert child.returncode == 143


@by_ssh_too
def test_a_reader_who_leaves_ends_the_job(place: Place) -> None:
    prog = place.pe("while True: print('x' * 100)\n")
    with place.start("run", "-n", 2, prog) as child:
        lines_of(child, 1)
        assert child.stdout is not None and child.stderr is not None
        child.stdout.close()
        assert child.wait(DEADLINE_S) == 128 + signal.SIGPIPE
        assert child.stderr.read() == b""


def test_a_full_disk_ends_the_job(place: Place) -> None:
    prog = place.pe("put('a line')\nforever()\n")
    with open("/dev/full", "wb") as full:
        status, _, err = place.run("run", "-n", 1, prog, stdout=full)
    assert (status, err) == (74, "chariot: cannot write standard output: No space left on device\n")


class Terminal:
    """A job on a terminal of its own."""

    def __init__(self, place: Place, *words: object) -> None:
        try:
            for fd in pty.openpty():
                os.close(fd)
        except OSError:
            pytest.skip("no pseudo-terminals here")
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(place.path)
            os.execve(CHARIOT, [CHARIOT, *map(str, words)], place.env)
        self.seen = ""

    def expect(self, text: str) -> None:
        deadline = time.monotonic() + DEADLINE_S
        while text not in self.seen:
            assert time.monotonic() < deadline, f"{text!r} is not in {self.seen!r}"
            if select.select([self.fd], [], [], 1)[0]:
                self.seen += os.read(self.fd, 4096).decode()

    def end(self) -> int:
        with contextlib.suppress(OSError):  # EIO: the terminal's last user is gone
            while data := os.read(self.fd, 4096):
                self.seen += data.decode()
        status = os.waitpid(self.pid, 0)[1]
        os.close(self.fd)
        return os.waitstatus_to_exitcode(status)


def test_a_dialogue_on_a_terminal(place: Place) -> None:
    prog = place.pe("if ME == 0: put('hello ' + input('name? '))\nfarewell()\n")
    terminal = Terminal(place, "run", "-n", 2, prog)
    terminal.expect("name? ")
    os.write(terminal.fd, b"Ada\n")
    assert terminal.end() == 0
    assert "hello Ada\r\n" in terminal.seen


def test_control_c_reaches_each_pe_once(place: Place) -> None:
    prog = place.pe(
        """
count = 0
def on(number, frame):
    global count
    count += 1
signal.signal(signal.SIGINT, on)
put(f"{ME} ready")
while count == 0: signal.pause()
put(f"{ME} once")
hear() if ME == 1 else None
listening("x") if ME == 0 else None
put(f"{ME} had {count}")
farewell()
"""
    )
    terminal = Terminal(place, "run", "-n", 2, prog)
    terminal.expect("0 ready")
    terminal.expect("1 ready")
    os.write(terminal.fd, b"\x03")
    assert terminal.end() == 130
    assert "0 had 1" in terminal.seen and "1 had 1" in terminal.seen
    assert "chariot: ended by signal 2 (Interrupt)" in terminal.seen
    assert "killed" not in terminal.seen


def test_control_c_that_kills_pe_0_is_no_death_of_its_own(place: Place) -> None:
    prog = place.pe("signal.signal(signal.SIGINT, signal.SIG_DFL)\nput(f'{ME} ready')\nforever()\n")
    terminal = Terminal(place, "run", "-n", 2, prog)
    terminal.expect("0 ready")
    terminal.expect("1 ready")
    os.write(terminal.fd, b"\x03")
    assert terminal.end() == 130
    assert "was killed" not in terminal.seen


# ---------------------------------------------------------------- bad input

NUMBER = "-n takes a number of PEs from 1 to 65536, not '{}'; 'chariot help run' lists the options"
BAD = [
    ([], 2, "no command given; usage: chariot run [-n N] prog.py [arguments]; 'chariot help' lists all"),
    (["rnu"], 2, "no command 'rnu'; did you mean 'run'?"),
    (["frobnicate"], 2, "no command 'frobnicate'; 'chariot help' lists them"),
    (["prog.py"], 2, "no command 'prog.py'; did you mean 'chariot run prog.py'?"),
    (["help", "rnu"], 2, "no command 'rnu'; did you mean 'run'?"),
    (["run"], 2, "no program given; usage: chariot run [-n N] [options] prog.py [arguments]"),
    (["run", "-n", "4"], 2, "no program given; usage: chariot run [-n N] [options] prog.py [arguments]"),
    (["run", "-n"], 2, "-n needs a value (N); 'chariot help run' lists the options"),
    *((["run", "-n", bad, "prog.py"], 2, NUMBER.format(bad)) for bad in ("0", "x", "-3", "2.5", "65537", "9" * 30)),
    (["run", "--tga", "prog.py"], 2, "unknown option '--tga'; did you mean '--tag'?"),
    (["run", "--frobnicate", "prog.py"], 2, "unknown option '--frobnicate'; 'chariot help run' lists the options"),
    (["run", "--transport", "pigeon", "prog.py"], 2, "--transport takes 'shm', 'unix', 'tcp' or 'tls', not 'pigeon'; 'chariot help run' lists the options"),
    (["run", "--timeout", "0", "prog.py"], 2, "--timeout takes a time in seconds above 0, not '0'; 'chariot help run' lists the options"),
    (["run", "--launcher", "pigeon", "prog.py"], 2, "no launcher 'pigeon'; there are: local, ssh, slurm"),
    (["run", "nothing.py"], 127, "cannot run 'nothing.py': No such file or directory"),
    (["run", "./nothing"], 127, "cannot run './nothing': No such file or directory"),
    (["run", "no-such-command-anywhere"], 127, "cannot run 'no-such-command-anywhere': No such file or directory"),
    (["run", "."], 126, "cannot run '.': Is a directory"),
    (["run", "-n", "2", "./no-interpreter"], 127, "cannot execute './no-interpreter': No such file or directory"),
    (["run", "-n", "2", "./no-program"], 126, "cannot execute './no-program': Exec format error"),
]  # fmt: skip


@pytest.mark.parametrize("words, status, text", BAD, ids=[" ".join(row[0]) or "nothing" for row in BAD])
def test_bad_input_has_one_clear_line(place: Place, words: list[str], status: int, text: str) -> None:
    place.program("no-interpreter", "#!/no/such/interpreter\n")
    place.program("no-program", "neither script nor binary\n")
    place.program("prog.py", "")
    assert place.run(*words) == (status, "", f"chariot: {text}\n")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_an_unreadable_program_is_named(place: Place) -> None:
    place.program("secret.py", "", mode=0o600)
    launcher = reachable_launcher(place)
    status, out, err = place.run("run", "secret.py", command=launcher, user=65534)
    assert (status, out, err) == (126, "", "chariot: cannot read program 'secret.py': Permission denied\n")


def reachable_launcher(place: Place) -> str:
    """The launcher, where a user who may not enter our directories can reach it."""
    copy = place.tmp.parent / f"{place.tmp.name}.launcher"
    shutil.copy(CHARIOT, copy)
    return str(copy)


@pytest.fixture(autouse=True)
def remove_copies() -> Iterator[None]:
    yield
    for copy in Path("/tmp").glob("cl-*.launcher"):
        if not Path(str(copy).removesuffix(".launcher")).exists():
            copy.unlink()


def test_no_more_descriptors(place: Place) -> None:
    prog = place.pe("forever()\n")
    limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))  # noqa: E731
    status, _, err = place.run("run", "-n", 40, prog, preexec_fn=limit)
    assert status == 71
    assert re.search(r"^chariot: cannot make a socket for PE \d+ in .*: Too many open files\n\Z", err, re.M)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_no_more_processes(place: Place) -> None:
    place.program("prog", "#!/bin/sh\nexit 0\n")
    words = [reachable_launcher(place), "run", "-n", "2", "./prog"]
    # The limit holds for users other than root, so it is set by who has already become one.
    script = f"ulimit -u 0; exec {' '.join(words)}"
    place.env["ASAN_OPTIONS"] = "detect_leaks=0"  # a launcher with sanitizers would need a process for that
    status, _, err = place.run("-c", script, command="/bin/bash", user=4242)
    assert (status, err) == (71, "chariot: cannot start the guard process: Resource temporarily unavailable\n")


# ---------------------------------------------------------------- help, version, charmrun


def test_help_and_version(place: Place) -> None:
    status, out, err = place.run("help")
    assert (status, err) == (0, "")
    assert all(f"  {name} " in out for name in ("run", "help", "version"))
    assert place.run("--help") == (status, out, err)
    status, out, _ = place.run("help", "run")
    assert status == 0 and out.startswith("usage: chariot run")
    assert place.run("run", "--help") == (0, out, "")
    for option in ("-n, --num-pes N", "--tag", "--transport shm|unix|tcp|tls", "--timeout S"):
        assert option in out
    assert re.fullmatch(r"chariot \d+\.\d+\.\d+\n", place.run("version")[1])


def charmrun() -> str:
    return str(Path(CHARIOT).with_name("charmrun"))


def test_the_old_launch_line(place: Place) -> None:
    prog = place.pe("put(f'{ME} {N} {sys.argv[1:]} {os.environ.get(\"CHARIOT_CHARM4PY\")}'); farewell()\n")
    words = ["+p2", "++nodelist", "hosts", prog, "a", "++local", "+balancer", "GreedyRefineLB"]
    status, out, err = place.run(*words, command=charmrun())
    assert status == 0
    assert sorted(out.splitlines()) == [f"{pe} 2 ['a', '+balancer', 'GreedyRefineLB'] 1" for pe in range(2)]
    assert err == ""  # ++local keeps it here, whatever ++nodelist says
    assert place.run("+p0", prog, command=charmrun())[::2] == (
        2,
        "chariot: +p takes a number of PEs from 1 to 65536, not '0'; 'charmrun ++help' lists the options\n",
    )
    assert place.run("++help", command=charmrun())[1].startswith("usage: charmrun +pN")
