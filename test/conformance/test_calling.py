"""Issue 8: `chariot call`, `chariot ls`, `chariot top`: a running job from the command line. What JSON values become, and
what goes wrong in which words and with which status."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from harness import CHARIOT, Job

PROGRAM = """
import sys, time
from chariot import Array, Chare, Group, charm, coro, expose

class Cell(Chare):
    '''A cell of a grid.

    It keeps nothing.'''
    @expose
    def add(self, by: int, times: int = 1, *, name: str | None = None) -> int:
        '''Its index and more.
        A lot more.'''
        return name if name is not None else self.thisIndex[0] + by * times
    @expose
    def echo(self, value):
        return value
    @expose
    def fail(self, text: str):
        raise LookupError(text)
    @expose
    def some(self):
        if self.thisIndex[0] == 1: raise LookupError("one")
        return self.thisIndex[0]
    @expose
    @coro
    def slow(self, seconds: float):
        charm.sleep(seconds)
    @expose
    def burn(self, seconds: float):
        until = time.monotonic() + seconds
        while time.monotonic() < until: pass
    @expose
    def me(self):
        return self.thisProxy[self.thisIndex]
    @expose
    @coro
    def later(self, number):
        future = charm.Future(number)
        for i in range(number): future.send(i)
        return future
    @expose
    def odd(self):
        return object()
    @expose
    def hostile(self):
        return "\\x1b[31mred\\x9b\\x7f"
    def hidden(self):
        return 1

def main(args):
    charm.publish("grid", Array(Cell, 3)).get()
    charm.publish("plane.of.cells", Array(Cell, (2, 2))).get()
    charm.publish("one", Chare(Cell, args=[])).get()
    print("up", flush=True)

charm.start(main)
"""


class Live:
    def __init__(self, directory: Path, *options: str, pes: int = 2) -> None:
        (directory / "prog.py").write_text(PROGRAM)
        self.directory = directory
        command = [CHARIOT, "run", "-n", str(pes), "--ready-file", "ready", *options, "prog.py"]
        self.job = Job(command, directory, 100)
        self.job.wait_for("up")
        while not (directory / "ready").exists():
            assert self.job.child.poll() is None, self.job.err
            time.sleep(0.01)
        self.address = (directory / "ready").read_text().strip()

    def run(self, command: str, *words: str, stdin: str = "", options: tuple[str, ...] = ()) -> tuple[int, str, str]:
        """Its status, standard output and error."""
        done = subprocess.run(
            [CHARIOT, command, *options, self.address, *words],
            cwd=self.directory, input=stdin, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    def call(self, *words: str, **more: object) -> object:
        status, out, err = self.run("call", *words, **more)  # type: ignore[arg-type]
        assert (status, err) == (0, ""), (status, err)
        return json.loads(out)

    def end(self) -> None:
        self.job.child.terminate()
        self.job.finish()


@pytest.fixture(scope="module")
def live() -> Iterator[Live]:
    with tempfile.TemporaryDirectory() as directory:
        live = Live(Path(directory), "--serve", "unix:door.sock", "--serve-traces", "--serve-max-message-bytes", "100000")
        yield live
        live.end()


# ---------------------------------------------------------------- call


def test_calls(live: Live) -> None:
    assert live.call("grid[2].add", "40") == 42
    assert live.call("grid[ 2 ].add", "40", "times=2") == 82
    assert live.call("one.add", "1", 'name="x"') == "x"
    assert live.call("plane.of.cells[1, 0].add", "-1") == 0
    assert live.call("grid.add", "10", options=("--broadcast",)) == [10, 11, 12]
    assert live.call("grid.add", "10", options=("--reduce", "sum")) == 33
    assert live.call("grid.add", "10", options=("--reduce=max",)) == 12
    assert live.run("call", "grid[0].add", "1", options=("--one-way",)) == (0, "", "")
    assert live.run("call", "grid.add", "1", options=("--one-way", "--broadcast")) == (0, "", "")
    assert live.call("grid[0].echo", "-", stdin='\n {"a":\n [1, 2]}\n') == {"a": [1, 2]}


def test_references_and_futures(live: Live) -> None:
    me = live.call("grid[2].me")
    assert isinstance(me, dict)
    assert live.call(f"@{me['@reference']}.add", "40") == 42
    assert live.call("grid[0].echo", json.dumps(me)) == me
    assert live.run("call", "grid[0].later", "3", options=("--wait",)) == (0, "0\n1\n2\n", "")
    future = live.call("grid[0].later", "1")
    assert isinstance(future, dict) and list(future) == ["@future"]


ECHOED = [
    "null", "true", "false", "0", "-1", "9223372036854775807", "-9223372036854775808", "9223372036854775808",
    "-9223372036854775809", "1" + "0" * 400, "-" + "7" * 1000, "0.0", "-0.0", "1.5", "1e+300", "5e-324",
    '""', '"text"', '"a\\"b\\\\c"', '"\\u0000\\u000a\\u007f"', '"é €"', '"😀"', "[]", "[1, [2, []]]", "{}", '{"a": 1, "b": {"c": null}}',
    '{"@bytes": ""}', '{"@bytes": "AP8="}', '{"@tuple": []}', '{"@tuple": [1, "a"]}', '{"@map": [[1, 2], [null, 3]]}',
    '{"@map": [["@bytes", 1]]}', '{"@bytes": 1, "b": 2}', '{"@real": "NaN"}', '{"@real": "Infinity"}', '{"@real": "-Infinity"}',
    '{"@array": {"dtype": "<f8", "shape": [2, 2], "data": [[1.0, 2.5], [-0.0, "NaN"]]}}',
    '{"@array": {"dtype": "<f4", "shape": [], "data": 0.5}}', '{"@array": {"dtype": "<i8", "shape": [0, 3], "data": []}}',
    '{"@array": {"dtype": ">u2", "shape": [2], "data": [1, 65535]}}', '{"@array": {"dtype": "|b1", "shape": [2], "data": [true, false]}}',
    '{"@array": {"dtype": "<u8", "shape": [1], "data": [18446744073709551615]}}',
    '{"@array": {"dtype": "|i1", "shape": [1, 1, 2], "data": [[[-128, 127]]]}}',
    '{"@array": {"dtype": "<c8", "shape": [1], "base64": "AACAPwAAAEA="}}',
]  # fmt: skip


def test_values_come_back_as_they_were_given(live: Live) -> None:
    given = "[" + ", ".join(ECHOED) + "]"
    assert live.run("call", "grid[0].echo", "-", stdin=given) == (0, given + "\n", "")
    assert live.run("call", "grid[0].echo", ECHOED[0]) == (0, ECHOED[0] + "\n", "")


def test_other_ways_to_write_them(live: Live) -> None:
    ways = {
        "1.0e2": "100.0",
        '"\\ud83d\\ude00\\/"': '"😀/"',
        '{"@array": {"data": [[1, 2], [3, 4]]}}': '{"@array": {"dtype": "<f8", "shape": [2, 2], "data": [[1.0, 2.0], [3.0, 4.0]]}}',
        '{"@array": {"data": [], "dtype": "<i4"}}': '{"@array": {"dtype": "<i4", "shape": [0], "data": []}}',
        '{"@array": {"order": "F", "base64": "AQIDBAUG", "dtype": "|u1", "shape": [2, 3]}}': (
            '{"@array": {"dtype": "|u1", "shape": [2, 3], "data": [[1, 3, 5], [2, 4, 6]]}}'
        ),
    }
    assert live.run("call", "grid[0].echo", f"[{','.join(ways)}]") == (0, f"[{', '.join(ways.values())}]\n", "")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("x", "that is no value (a text stands in double quotes), at 'x' (character 1)"),
        ("", "that is no value (a text stands in double quotes), where the text ends"),
        ("[1, 2", "',' or ']' is missing, where the text ends"),
        ("[1 2]", "',' or ']' is missing, at '2]' (character 4)"),
        ("01", "that is no value"),
        ("1.", "that is no value"),
        ("1 2", "something follows the value, at '2' (character 3)"),
        ('"a', "the '\"' that ends a string is missing"),
        ('"\\x"', "no such character is written with '\\'"),
        ('"\\ud800"', "\\u is followed by four hexadecimal digits, or by a pair of surrogates"),
        ('"a\nb"', "a string has a control character"),
        ('{"a" 1}', "':' is missing"),
        ("{1: 2}", "a string in double quotes is missing"),
        ("1e999", "this real is too large"),
        ("1" * 20001, "an integer has at most 20000 digits"),
        ("[" * 33 + "]" * 33, "more than 32 values stand inside one another"),
        ('{"@byte": ""}', 'there is no "@byte"; a map with this one key is {"@map": [["@byte", ..]]}'),
        ('{"@bytes": "A"}', "that is no base64"),
        ('{"@real": "inf"}', "a @real is a number,"),
        ('{"@map": [[1]]}', "',' is missing"),
        ('{"@array": {}}', "a string in double quotes is missing"),
        ('{"@array": {"dtype": "<f8"}}', "an @array has data, or base64"),
        ('{"@array": {"data": [[1], [2, 3]]}}', "a list of 2 where the shape says 1"),
        ('{"@array": {"shape": [3], "data": [1]}}', "a list of 1 where the shape says 3"),
        ('{"@array": {"dtype": "|u1", "data": [256]}}', "256 has no place in an array of |u1"),
        ('{"@array": {"dtype": "<i4", "data": [1.5]}}', "1.5 has no place in an array of <i4"),
        ('{"@array": {"dtype": "<c8", "data": [1]}}', "elements of dtype '<c8' are given as base64"),
        ('{"@array": {"base64": ""}}', "base64 needs a shape"),
        ('{"@array": {"size": 1, "data": []}}', 'an @array has dtype, shape, order, data or base64, not "size"'),
    ],
)
def test_what_is_no_value_is_said(live: Live, value: str, why: str) -> None:
    status, out, err = live.run("call", "grid[0].echo", "-", stdin=value)
    assert (status, out) == (2, "") and why in err and err.startswith("chariot: the argument '-': "), err


@pytest.mark.parametrize(
    ("words", "status", "text"),
    [
        ("grid[0].fail 'boom'", 1, "chariot: grid.fail: LookupError: boom"),
        ("nobody.add 1", 66, "no object is published under the name 'nobody'; 'chariot ls' lists what there is"),
        ("grid[7].add 1", 66, "chariot: "),
        ("grid[0].hidden", 77, "grid exposes no method 'hidden'; 'chariot ls' lists what may be called"),
        ("grid[0].add 'x'", 65, "argument 'by' is to be int, not str"),
        ("grid[0].add", 65, "chariot: "),
        ("grid[0].odd", 76, "the result of grid.odd cannot"),
        ("--timeout 0.2 grid[0].slow 9.0", 124, "no answer within 0.2 s (--timeout)"),
        ("--broadcast grid.some", 1, "1 of the elements failed"),
        ("--wait --one-way grid[0].add 1", 2, "one at a time"),
        ("--reduce mean grid.add 1", 2, "--reduce takes sum, product, max, min, and, or, xor, not 'mean'"),
        ("--reduse sum grid.add 1", 2, "did you mean '--reduce'?"),
        ("grid[0].add 1 --one-way", 2, "options stand before the method"),
        ("grid", 2, "'grid' is no method of an object, as in 'grid.add' or 'grid[1,2].add'"),
        ("grid[0]", 2, "'grid[0]' is no method"),
        ("grid[a].add", 2, "'grid[a].add' is no method"),
        ("@x.add", 2, "what stands behind '@' is no reference"),
        ("--token-file nowhere grid[0].add 1", 2, "cannot read nowhere: No such file or directory"),
        ("--certificate c grid[0].add 1", 2, "--certificate and --key belong together"),
        ("--server-name c grid[0].add 1", 2, "certificates are of use with TLS"),
        ("", 2, "no method given"),
    ],
)
def test_what_goes_wrong_has_its_status_and_words(live: Live, words: str, status: int, text: str) -> None:
    given = [word.replace("'", '"') for word in words.split()]
    split = next((i for i, word in enumerate(given) if not word.startswith("--") and (i == 0 or not given[i - 1].startswith("--"))), 0)
    if given[:1] and given[0].startswith("--") and given[0] in ("--broadcast", "--wait"):
        split = next(i for i, word in enumerate(given) if not word.startswith("--"))
    options, rest = tuple(given[:split]), given[split:]
    done = live.run("call", *rest, options=options)
    assert done[0] == status and text in done[2], done


def test_tracebacks_are_shown_where_the_job_shows_them(live: Live) -> None:
    status, out, err = live.run("call", "grid[1].fail", '"boom"')
    assert (status, out) == (1, "")
    assert re.match(r"on PE [01]:\nTraceback .*\n(.*\n)+LookupError: boom\nchariot: grid.fail: LookupError: boom\n$", err), err


def test_nothing_that_a_terminal_would_obey(live: Live) -> None:
    assert live.run("call", "grid[0].hostile")[1] == '"\\u001b[31mred\\u009b\\u007f"\n'
    status, _, err = live.run("call", "grid[0].fail", '"\\u001b[31m"')
    assert status == 1 and "\x1b" not in err and "?[31m" in err


def test_more_than_the_service_takes(live: Live) -> None:
    status, _, err = live.run("call", "grid[0].echo", "-", stdin=json.dumps("x" * 200000))
    assert status == 75, err


def test_nobody_there(tmp_path: Path) -> None:
    for address, status, text in (
        ("unix:nothing", 69, "cannot reach unix:nothing: "),
        ("nonsense", 2, "'nonsense': an address is HOST:PORT"),
        ("example.org:x", 2, "an address is HOST:PORT"),
    ):
        done = subprocess.run([CHARIOT, "ls", address], cwd=tmp_path, capture_output=True, text=True, timeout=60)
        assert done.returncode == status and text in done.stderr, done
    (tmp_path / "token").write_text("secret-secret-secret\n")
    (tmp_path / "token").chmod(0o600)
    command = [CHARIOT, "ls", "--token-file", "token", "192.0.2.1:7000"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "a token goes to other hosts by TLS alone" in done.stderr
    (tmp_path / "token").chmod(0o644)
    done = subprocess.run([*command[:-1], "unix:a"], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2 and "others may read token: chmod 600 it" in done.stderr


def test_who_leaves_is_not_waited_for(live: Live) -> None:
    """Ctrl-C: nothing of the call remains here, and the job goes on."""
    command = [CHARIOT, "call", live.address, "grid[0].slow", "50.0"]
    child = subprocess.Popen(command, cwd=live.directory, stderr=subprocess.PIPE, text=True)
    dial = None
    while dial is None:
        below = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        dial = next((pid for pid in below if "chariot-dial" in Path(f"/proc/{pid}/cmdline").read_text()), None)
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == -signal.SIGINT
    while Path(f"/proc/{dial}").exists():
        time.sleep(0.01)
    assert live.call("grid[0].add", "1") == 1


# ---------------------------------------------------------------- ls


def test_ls(live: Live) -> None:
    status, out, err = live.run("ls")
    assert (status, err) == (0, "")
    assert [line.split()[0] for line in out.splitlines()] == ["grid", "one", "plane.of.cells"]
    assert re.search(r"^grid +array 1d +\S*Cell +A cell of a grid\.$", out, re.M)
    assert re.search(r"^one +chare ", out, re.M)
    status, out, err = live.run("ls", "grid")
    assert (status, err) == (0, "") and out.startswith("grid: array 1d of ")
    assert "\n  add(by: int, times: int = .., *, name: str | None = ..) -> int\n      Its index and more.\n      A lot more.\n" in out
    assert "hidden" not in out and "\n  echo(value)\n" in out
    status, out, err = live.run("ls", "nobody")
    assert status == 66 and "no object is published under the name 'nobody'" in err
    assert live.run("ls", "grid", "one")[0] == 2


# ---------------------------------------------------------------- top

ROW = re.compile(r"^ +(\d+) +(\d+) +(\d+ %|-) +(\|*) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+) +(\d+)$")


def rows(text: str) -> list[dict[str, str]]:
    names = ("pe", "host", "busy", "bar", "calls", "sent", "received", "waiting", "chares", "came", "left")
    return [dict(zip(names, match.groups())) for line in text.splitlines() if (match := ROW.match(line))]


def test_top_once(live: Live) -> None:
    status, out, err = live.run("top", options=("--once", "--period", "0.3"))
    assert (status, err) == (0, "")
    table = rows(out)
    assert [row["pe"] for row in table] == ["0", "1"] and {row["host"] for row in table} == {"0"}
    assert sum(int(row["chares"]) for row in table) >= 8  # and the main chare


def test_top_sees_a_pe_that_computes(live: Live) -> None:
    command = [CHARIOT, "call", live.address, "grid[2].burn", "3.0"]
    burn = subprocess.Popen(command, cwd=live.directory, stdout=subprocess.DEVNULL)
    time.sleep(0.5)  # the method may not have begun: then the PE is seen idle, which the next table mends
    seen: set[int] = set()
    while burn.poll() is None and 1 not in seen:
        _, out, _ = live.run("top", options=("--once", "--period", "0.3"))
        seen |= {int(row["pe"]) for row in rows(out) if row["busy"].endswith("%") and int(row["busy"][:-2]) >= 80}
    assert burn.wait(60) == 0 and 1 in seen


def test_top_on_a_terminal_leaves_it_as_it_was(live: Live) -> None:
    main, side = pty.openpty()
    child = subprocess.Popen([CHARIOT, "top", "--period", "0.1", live.address], cwd=live.directory, stdout=side, stdin=side)
    os.close(side)
    said = b""
    while said.count(b"\x1b[H") < 2:
        said += os.read(main, 4096)
    child.send_signal(signal.SIGINT)
    assert child.wait(20) == 0
    try:
        while part := os.read(main, 4096):
            said += part
    except OSError:
        pass  # the other side is closed
    os.close(main)
    assert said.startswith(b"\x1b[?1049h") and said.endswith(b"\x1b[?1049l")


def test_top_says_that_the_job_has_ended(tmp_path: Path) -> None:
    live = Live(tmp_path, "--serve", "unix:door.sock", pes=1)
    command = [CHARIOT, "top", "--period", "0.1", live.address]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as top:
        assert top.stdout is not None and top.stderr is not None
        while not ROW.match(top.stdout.readline().rstrip()):
            pass
        live.end()
        assert top.wait(20) == 69
        assert "chariot: unix:door.sock serves no more: " in top.stderr.read()


# ---------------------------------------------------------------- tokens and certificates


def make_certificates(directory: Path) -> None:
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    names = ["-subj", "/CN=chariot", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*openssl, *names, "-keyout", directory / "key.pem", "-out", directory / "cert.pem"], check=True, capture_output=True)
    (directory / "key.pem").chmod(0o600)


def test_tls_and_tokens(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    tokens = {"all": "a" * 32, "some": "b" * 32, "watch": "c" * 32, "none": "d" * 32}
    scopes = {"all": "*", "some": "grid.add", "watch": "@job.watch"}
    (tmp_path / "clients").write_text("".join(f"{name} {tokens[name]} {scope}\n" for name, scope in scopes.items()))
    for name, token in tokens.items():
        (tmp_path / name).write_text(token)
        (tmp_path / name).chmod(0o600)
    (tmp_path / "clients").chmod(0o600)
    files = ["--serve-clients", "clients", "--serve-certificate", "cert.pem", "--serve-key", "key.pem"]
    live = Live(tmp_path, "--serve", "127.0.0.1:0", *files)
    tls = ("--certificate-authority", "cert.pem", "--server-name", "localhost")

    def run(name: str, command: str, *words: str, more: tuple[str, ...] = ()) -> tuple[int, str, str]:
        return live.run(command, *words, options=(*tls, "--token-file", name, *more))

    assert run("all", "call", "grid[2].add", "40") == (0, "42\n", "")
    assert run("some", "call", "grid[2].add", "40") == (0, "42\n", "")
    status, _, err = run("some", "call", "grid[2].echo", "40")
    assert status == 77 and "'chariot ls' lists what may be called" in err
    assert run("some", "ls")[1].split()[0] == "grid" and len(run("some", "ls")[1].splitlines()) == 1
    assert "echo" not in run("some", "ls", "grid")[1]
    assert run("some", "top", more=("--once",))[0] == 77
    assert rows(run("watch", "top", more=("--once", "--period", "0.2"))[1])
    status, _, err = run("none", "ls")
    assert status == 77 and "a token is given by --token-file" in err
    assert live.run("ls", options=tls)[0] == 77
    assert live.run("ls")[0] == 69  # plain text to a service that speaks TLS
    assert live.run("ls", options=("--tls",))[0] == 69  # a certificate that this machine does not trust
    live.end()
