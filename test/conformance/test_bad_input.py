"""Bad input and bad luck: each ends in one clear message and the right status, and leaves nothing behind.

What a launcher's user can do wrong, programs that cannot start, PEs and launchers that are killed.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import time

import pytest
from harness import CHARIOT, Result, command, fails, holds, job, run

IDLE = """
    class E(Chare):
        def ready(self):
            print("ready", flush=True)
    def main(args):
        Group(E).ready()
    charm.start(main)
    """
BUSY = """
    class E(Chare):
        def ready(self):
            print("ready", flush=True)
            while True:
                pass
    def main(args):
        Group(E).ready()
    charm.start(main)
    """
WAITING = """
    class E(Chare):
        def ready(self):
            print("ready", flush=True)
            time.sleep(100)
        @coro
        def forever(self, future):
            future.get()
    def main(args):
        group = Group(E)
        group.forever(Future())
        group.ready(awaitable=True).get()
    charm.start(main)
    """


def says_once(result: Result, status: int, *words: str) -> None:
    """One short message, no traceback."""
    assert result.status == status, result
    assert result.stdout == "" and "Traceback" not in result.stderr, result
    assert 1 <= len(result.stderr.strip().splitlines()) <= 3, result
    for word in words:
        assert word in result.stderr, result


# ---------------------------------------------------------------- the command line


def test_no_program() -> None:
    says_once(command("run"), 2, "program")
    says_once(command("run", "-n", "2"), 2, "program")


def test_program_that_is_not_there() -> None:
    says_once(command("run", "-n", "2", "nosuch.py"), 127, "nosuch.py")
    says_once(command("run", "-n", "2", "no/such/program"), 127, "no/such/program")


def test_program_that_is_a_directory() -> None:
    says_once(command("run", "-n", "2", "folder", files={"folder/x": ""}), 126, "folder")


@pytest.mark.skipif(os.getuid() != 0, reason="needs root, to become somebody who may not read the file")
def test_program_that_cannot_be_read() -> None:
    if any(not os.stat(path).st_mode & 0o001 for path in CHARIOT.resolve().parents):
        pytest.skip("nobody else may enter this checkout")
    says_once(command("run", "-n", "2", "/etc/shadow", user=65534), 126, "/etc/shadow")


@pytest.mark.parametrize("number", ["0", "x", "-1", "1.5", "", "99999999999", "2x"])
def test_number_of_pes(number: str) -> None:
    says_once(command("run", "-n", number, "prog.py", files={"prog.py": "print(1)"}), 2, "-n", f"'{number}'")


def test_unknown_options() -> None:
    says_once(command("run", "--frobnicate", "prog.py"), 2, "--frobnicate")
    says_once(command("run", "-n", "2", "-Z", "prog.py"), 2, "-Z")
    says_once(command("run", "-n"), 2, "-n")
    says_once(command("frobnicate"), 2, "frobnicate")


def test_options_behind_the_program_are_the_programs() -> None:
    result = run("def main(args):\n    print(args[1:])\n    charm.exit()\ncharm.start(main)", 2, ["-n", "0", "--frobnicate"])
    assert result.status == 0 and "['-n', '0', '--frobnicate']" in result.stdout


# ---------------------------------------------------------------- programs that cannot start


@pytest.mark.parametrize("n", (None, 1, 4))
@pytest.mark.parametrize(
    "text, words",
    [
        ("import no_such_module", "ModuleNotFoundError: No module named 'no_such_module'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def main(args)\n    pass", "SyntaxError"),
    ],
)
def test_program_that_fails_to_import(n: int | None, text: str, words: str) -> None:
    result = fails(text, n, words, status=1, preamble=False)
    assert result.said.count(words.split(":")[0]) == 1, result.said
    assert result.said.count("Traceback (most recent call last)") == ("Syntax" not in words), result.said
    assert "prog.py" in result.said
    for word in ("runpy", "chariot/boot"):
        assert word not in result.said, f"{word} concerns no user\n{result.said}"


def test_program_that_fails_to_import_on_one_pe_only() -> None:
    result = fails(
        """
        def main(args):
            print("started")
        if os.environ.get("FAIL", "") == "" and charm.myPe() == 1:
            raise RuntimeError("only here")
        charm.start(main)
        """,
        2,
    )
    assert result.said.count("Traceback (most recent call last)") == 1, result.said


@pytest.mark.parametrize("n", (1, 4))
def test_start_forgotten(n: int) -> None:
    result = fails("def main(args):\n    charm.exit()\n", n, "charm.start")
    assert result.said.count("charm.start") == 1 and "Traceback" not in result.said, result.said


def test_start_forgotten_without_launcher() -> None:
    result = run("def main(args):\n    charm.exit()\n", None)
    assert result.said.count("charm.start") == 1 and "Traceback" not in result.said, result.said


@pytest.mark.parametrize("n", (None, 1, 4))
def test_start_called_twice(n: int | None) -> None:
    result = fails("def main(args):\n    charm.start(main)\ncharm.start(main)", n, "Charm4PyError", "start")
    assert result.said.count("Traceback (most recent call last)") == 1, result.said


def test_start_called_twice_and_caught() -> None:
    holds(
        """
        def main(args):
            raises("second call", "Charm4PyError", lambda: charm.start(main), "start")
            done()
        charm.start(main)
        """,
        2,
    )


@pytest.mark.parametrize("n", (None, 4))
@pytest.mark.parametrize("entry", ["def main(): pass", "def main(a, b): pass"])
def test_entry_of_the_wrong_arity(n: int | None, entry: str) -> None:
    result = fails(f"{entry}\ncharm.start(main)", n, "Charm4PyError", "main")
    assert result.said.count("Charm4PyError") == 1, result.said


@pytest.mark.parametrize("n", (1, 4))
def test_program_that_exits_before_start(n: int) -> None:
    for ending, status in (("sys.exit(5)", 5), ("sys.exit('no input')", 1), ("os._exit(9)", 9)):
        result = run(f"def main(args): pass\n{ending}\ncharm.start(main)", n)
        assert result.status == status and "Traceback" not in result.said, (ending, result)


# ---------------------------------------------------------------- PEs that die


@pytest.mark.parametrize("name", ["SIGKILL", "SIGSEGV", "SIGABRT"])
@pytest.mark.parametrize("n, pe", [(4, 2), (2, 0), (1, 0)])
def test_a_pe_killed_by_a_signal(name: str, n: int, pe: int) -> None:
    """The message names PE and signal; the others go too, though they compute and look at nothing."""
    number = getattr(signal, name)
    result = fails(
        f"""
        class E(Chare):
            def work(self):
                if self.thisIndex == {pe}:
                    os.kill(os.getpid(), signal.{name})
                while True:
                    pass
        def main(args):
            Group(E).work(awaitable=True).get()
        charm.start(main)
        """,
        n,
        status=128 + number,
    )
    lines = [line for line in result.stderr.splitlines() if re.search(rf"signal {number}\b|{name}", line)]
    assert len(lines) == 1 and re.search(rf"PE {pe}\b", lines[0]), result


def test_a_pe_killed_from_outside_while_all_are_idle() -> None:
    with job(IDLE.replace('print("ready"', 'print("ready", charm.myPe(), os.getpid()'), 4) as running:
        running.wait_for("ready", 4)
        pid = next(int(line.split()[2]) for line in running.out if line.startswith("ready 3 "))
        os.kill(pid, signal.SIGKILL)
        result = running.finish()
    assert result.status == 128 + 9 and "Traceback" not in result.said, result
    assert re.search(r"PE 3\b.*(SIGKILL|signal 9)", result.stderr), result


def test_a_pe_that_ends_in_the_middle() -> None:
    """os._exit() says no goodbye: that is not a good end, whatever the status."""
    for status in (0, 3):
        result = fails(
            f"""
            class E(Chare):
                def work(self):
                    if self.thisIndex == 1:
                        os._exit({status})
            def main(args):
                Group(E).work(awaitable=True).get()
            charm.start(main)
            """,
            2,
            "PE 1",
            )
        assert "Traceback" not in result.said, result


# ---------------------------------------------------------------- launchers that are told to end, or killed


@pytest.mark.parametrize("program", ["IDLE", "BUSY", "WAITING"])
@pytest.mark.parametrize("name, whole_group", [("SIGINT", True), ("SIGINT", False), ("SIGTERM", False)])
def test_interrupted(program: str, name: str, whole_group: bool) -> None:
    number = getattr(signal, name)
    with job(globals()[program], 2) as running:
        running.wait_for("ready", 2)
        if whole_group:
            os.killpg(running.child.pid, number)
        else:
            running.child.send_signal(number)
        result = running.finish()
    # A process that hands the signal on to itself shows its parent the signal; a shell calls that 128 + number, too.
    assert result.status in (128 + number, -number), result
    assert "Traceback" not in result.said and "KeyboardInterrupt" not in result.said, result


def test_interrupted_without_launcher() -> None:
    with job(BUSY, None) as running:
        running.wait_for("ready")
        running.child.send_signal(signal.SIGINT)
        result = running.finish()
    assert result.status in (130, -signal.SIGINT), result


@pytest.mark.parametrize("program", ["IDLE", "BUSY", "WAITING"])
def test_launcher_killed(program: str) -> None:
    with job(globals()[program], 4) as running:
        running.wait_for("ready", 4)
        running.child.kill()
        running.child.wait()
        running.assert_clean()


def test_launcher_killed_at_the_start() -> None:
    for wait_ms in (0, 20, 60, 120, 250):
        with job(IDLE, 4) as running:
            until = time.monotonic() + wait_ms / 1000  # any moment will do: none may leave something behind
            while time.monotonic() < until:
                pass
            running.child.kill()
            running.child.wait()
            running.assert_clean()


def test_output_nobody_reads() -> None:
    """`chariot run … | head -1`: the job ends, quietly or with a reason, but it ends."""
    with job("def main(args):\n    while True: print('x' * 1000)\ncharm.start(main)", 2) as running:
        running.wait_for("x")
        running.child.send_signal(signal.SIGTERM)
        running.finish()


# ---------------------------------------------------------------- strangers

TALKED_TO = """
    class E(Chare):
        def add(self, x):
            return x + 1
    def main(args):
        group = Group(E)
        eq("before", group.add(1, ret=True).get(), [2] * charm.numPes())
        print("ready", flush=True)
        while not os.path.exists("go"):
            eq("meanwhile", group.add(2, ret=True).get(), [3] * charm.numPes())
        eq("after", group.add(np.arange(100_000), ret=True).get()[-1], np.arange(100_000) + 1)
        done()
    charm.start(main)
    """
PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
LOOPBACK = ("0100007F", "0000000000000000FFFF00000100007F", "00000000000000000000000001000000")
GARBAGE = {
    "nothing": b"",
    "text": b"GET / HTTP/1.1\r\n\r\n",
    "noise": bytes(range(256)) * 64,
    "zeros": bytes(100_000),
    "HTTP/2 and noise": PREFACE + bytes(range(255, -1, -1)) * 10,
    "settings, cut short": PREFACE + b"\0\0\x06\x04\0\0\0",
    "a frame of 16 MiB": PREFACE + b"\0\0\0\x04\0\0\0\0\0" + b"\xff\xff\xff\0\0\0\0\0\x01" + b"x" * 1000,
}


@pytest.mark.parametrize("transport", ["shm", "unix", "tcp", "tls"])
def test_strangers_harm_nothing(transport: str) -> None:
    """Whoever connects and talks nonsense is turned away; the job goes on. What is said within gRPC: test/transport."""
    with job(TALKED_TO, 2, options=["--transport", transport]) as running:
        running.wait_for("ready")
        addresses = tcp_ports(running.left()) if transport in ("tcp", "tls") else unix_sockets(running.tmp)
        assert addresses, "the job listens nowhere"
        kind = socket.SOCK_SEQPACKET if transport == "shm" else socket.SOCK_STREAM
        held = []
        for family, address in addresses:
            for data in GARBAGE.values():
                link = socket.socket(family, kind)
                link.settimeout(5)
                held.append(link)
                try:
                    link.connect(address)
                    link.sendall(data)
                except OSError:
                    pass  # turned away already
        (running.tmp.parent / "go").touch()
        result = running.finish()
        for link in held:
            link.close()
    assert result.status == 0 and "all checks hold" in result.stdout, result


def unix_sockets(directory: os.PathLike[str]) -> list[tuple[int, str]]:
    found = []
    for base, _, names in os.walk(directory):
        found += [os.path.join(base, name) for name in names]
    return [(socket.AF_UNIX, path) for path in found if os.path.exists(path) and stat_is_socket(path)]


def stat_is_socket(path: str) -> bool:
    import stat

    return stat.S_ISSOCK(os.stat(path).st_mode)


def tcp_ports(processes: list[str]) -> list[tuple[int, tuple[str, int]]]:
    """Where these processes listen."""
    inodes = set()
    for line in processes:
        for path in os.scandir(f"/proc/{line.split()[0]}/fd"):
            try:
                inodes.update(re.findall(r"socket:\[(\d+)\]", os.readlink(path.path)))
            except OSError:
                pass
    ports = set()
    for family in ("tcp", "tcp6"):
        with open(f"/proc/net/{family}") as table:
            for row in table.read().splitlines()[1:]:
                fields = row.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    assert fields[1].split(":")[0] in LOOPBACK, f"not loopback: {row}"
                    ports.add(int(fields[1].split(":")[1], 16))
    return [(socket.AF_INET, ("127.0.0.1", port)) for port in sorted(ports)]
