"""Jobs whose members some engine has started: the same command on each, member 0 the head, the others dialling in.

Here the engine is this file, all members are processes of this machine; CHARIOT_MACHINE makes several machines of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from test_launcher import CHARIOT, ROOT, Place, end_of, lines_of, place, wait_until  # noqa: F401

PYTHON = ROOT / ".venv/bin/python"
HELLO = ROOT / "examples/hello.py"


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


class Party:
    """The members of one job."""

    def __init__(self, where: Place, members: int) -> None:
        self.place, self.members, self.port = where, members, free_port()
        self.secret = where.path / "secret"
        self.secret.write_bytes(os.urandom(32))
        self.secret.chmod(0o600)
        self.children: dict[object, subprocess.Popen[bytes]] = {}

    def start(self, member: int, *words: object, key: object = None, chariot: str | Path = CHARIOT, **env: str) -> subprocess.Popen[bytes]:
        given = {
            "CHARIOT_MEMBER": str(member),
            "CHARIOT_MEMBERS": str(self.members),
            "CHARIOT_HEAD": f"127.0.0.1:{self.port}",
            "CHARIOT_SECRET_FILE": str(self.secret),
            "CHARIOT_MEMBERS_TIMEOUT": "30",
            "CHARIOT_MACHINE": str(member),
        }
        command = [chariot, "run", *map(str, words)]
        child = subprocess.Popen(command, cwd=self.place.path, env=self.place.env | given | env, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # fmt: skip
        self.children[member if key is None else key] = child
        return child

    def start_all(self, *words: object, **env: str) -> subprocess.Popen[bytes]:
        """Gives the head."""
        for member in range(1, self.members):
            self.start(member, *words, **env)
        return self.start(0, *words, **env)

    def ends(self) -> dict[object, tuple[int, str, str]]:
        return {key: end_of(child) for key, child in self.children.items()}


@pytest.fixture
def party(place: Place) -> Iterator[Party]:  # noqa: F811
    place.env["CHARIOT_PYTHON"] = str(PYTHON)
    party = Party(place, 3)
    yield party
    for child in party.children.values():
        with suppress(ProcessLookupError):
            child.kill()
        child.wait()


ENDED = (0, "", "")


# ---------------------------------------------------------------- what works


def test_the_same_command_everywhere(party: Party) -> None:
    party.start_all(HELLO)
    ends = party.ends()
    status, out, err = ends.pop(0)
    assert status == 0 and "3 greetings" in out and "3 PEs on 3 hosts" in err, (out, err)
    assert ends == {1: ENDED, 2: ENDED}


def test_members_of_one_machine_share_memory_and_a_directory(party: Party) -> None:
    program = party.place.pe("put(f'{ME} {T[6].decode()} {T.get(30, 0)}+{T.get(31, 0)}'); farewell()\n")
    for member, machine in {1: "b", 2: "a", 0: "a"}.items():
        party.start(member, program, CHARIOT_MACHINE=machine)
    ends = party.ends()
    lines = dict(line.split(" ", 1) for line in ends[0][1].splitlines())
    assert lines["0"] == lines["1"] and lines["0"].endswith(" 0+2") and lines["2"].endswith(" 2+1"), ends
    assert not any(os.path.exists(line.split()[0]) for line in lines.values())


def test_n_divides(party: Party) -> None:
    program = party.place.pe("put(f'{ME} {os.getppid()}'); farewell()\n")
    party.start_all("-n", 7, program)
    lines = [line.split() for line in party.ends()[0][1].splitlines()]
    parents = [parent for _, parent in sorted((int(pe), parent) for pe, parent in lines)]
    assert len(lines) == 7 and parents[0] == parents[2] != parents[3] == parents[4] != parents[5] == parents[6]


def test_the_head_may_come_last_and_says_its_status_to_nobody_else(party: Party) -> None:
    program = party.place.pe("farewell(3)\n")
    for member in (1, 2):
        party.start(member, program)
    time.sleep(0.5)
    party.start(0, program)
    assert party.ends() == {1: ENDED, 2: ENDED, 0: (3, "", "")}


def test_options_say_it_too(party: Party) -> None:
    program = party.place.pe("put(str(ME)); farewell()\n")
    for member in (1, 0):
        party.children[member] = subprocess.Popen(
            [CHARIOT, "run", "--member", f"{member}/2", "--head", f"localhost:{party.port}", "--secret-file", party.secret,
             "--job", "a name", program], cwd=party.place.path, env=party.place.env, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)  # fmt: skip
    ends = party.ends()
    assert (ends[1], sorted(ends[0][1].split())) == (ENDED, ["0", "1"]), ends


def test_pods_of_an_indexed_job_and_of_a_set(party: Party) -> None:
    program = party.place.pe("put(str('CHARIOT_MEMBERS' in os.environ)); farewell()\n")
    engine = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "CHARIOT_MEMBER": ""}
    for member in (1, 2, 0):
        party.start(member, program, JOB_COMPLETION_INDEX=str(member), **engine)
    ends = party.ends()
    assert ends[0][0] == 0 and len(ends[0][1].splitlines()) == 3, ends


def test_a_job_that_a_pe_starts_is_its_own(party: Party) -> None:
    program = party.place.pe(
        f"import subprocess\nput(subprocess.run([{CHARIOT!r}, 'run', '-n', '1', 'echo', 'inner'], capture_output=True,"
        " text=True).stdout.strip() if ME == 1 else 'outer'); farewell()\n"
    )
    party.start_all(program)
    assert sorted(party.ends()[0][1].split()) == ["inner", "outer", "outer"]


# ---------------------------------------------------------------- who is not there, or there twice


def test_who_is_missing_is_named_and_the_others_are_told(party: Party) -> None:
    party.members = 4
    for member in (0, 2):
        party.start(member, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    why = "members 1, 3 of 4 have not come within 1 s"
    assert party.ends() == {
        0: (70, "", f"chariot: {why}\n"),
        2: (70, "", f"chariot: member 2 is not wanted: {why}\n"),
    }


def test_no_head(party: Party) -> None:
    party.start(1, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    why = f"member 1 has not found the head at 127.0.0.1:{party.port} within 1 s: Connection refused"
    assert party.ends()[1] == (70, "", f"chariot: {why}\n")


def test_one_that_is_there_already_and_one_that_comes_too_late(party: Party) -> None:
    program = party.place.pe("put(str(ME))\nwhile not os.path.exists('go'): time.sleep(0.02)\nfarewell()\n")
    head = party.start(0, program)
    twins = {key: party.start(1, program, key=key) for key in ("one", "other")}  # whoever is first
    wait_until(lambda: any(child.poll() is not None for child in twins.values()), "one that is refused")
    refused, kept = sorted(twins, key=lambda key: twins[key].poll() is None)
    status, _, err = end_of(party.children.pop(refused))
    assert status == 70 and re.fullmatch(
        rf"chariot: member 1 is not wanted: member 1 is there already \(host .*, pid {twins[kept].pid}\)\n", err)  # fmt: skip
    party.start(2, program)
    lines_of(head, 3)
    party.start(2, program, key="late")
    status, _, err = end_of(party.children.pop("late"))
    assert status == 70 and "member 2 is not wanted: member 2 comes too late: the job runs already" in err
    (party.place.path / "go").touch()
    ends = party.ends()
    assert ends[0][0] == 0 and ends[0][2].count("is refused") == 2 and ends[kept] == ends[2] == ENDED, ends


def test_another_version_is_refused(party: Party) -> None:
    """The same program in all but the number that it says of itself."""
    other = party.place.path / "other"
    other.write_bytes(Path(CHARIOT).read_bytes().replace(b"0.1.0\0", b"0.1.9\0"))
    other.chmod(0o755)
    party.start(0, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    party.start(1, "prog", chariot=other)
    ends = party.ends()
    assert ends[1] == (2, "", "chariot: member 1 is not wanted: its chariot is version 0.1.9, the head's is 0.1.0\n")
    assert "members 1, 2 of 3 have not come within 1 s" in ends[0][2]
    party.place.by_ssh = True
    status, _, err = party.place.run("run", "-n", 2, "--remote-chariot", other, HELLO)
    assert status == 2 and re.fullmatch(r"chariot: host [ab]: chariot there is version 0.1.9, here it is 0.1.0\n", err), err


def test_another_number_of_members_is_refused(party: Party) -> None:
    party.start(0, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    party.start(1, "prog", CHARIOT_MEMBERS="7")
    ends = party.ends()
    assert ends[1] == (2, "", "chariot: member 1 is not wanted: it counts 7 members, the head 3\n")
    assert "members 1, 2 of 3 have not come within 1 s" in ends[0][2]


def test_one_that_leaves_before_all_are_there_frees_its_place(party: Party) -> None:
    program = party.place.pe("put(str(ME)); farewell()\n")
    head = party.start(0, program)
    assert head.stderr is not None
    for attempt in range(20):  # it must be in before it goes
        first = party.start(1, program, key="first")
        time.sleep(0.2 + attempt)
        first.kill()
        os.set_blocking(head.stderr.fileno(), False)
        wait_until(lambda: first.poll() is not None, "its end")
        time.sleep(0.2)
        said = head.stderr.read() or b""
        if b"is gone before" in said:
            break
    os.set_blocking(head.stderr.fileno(), True)
    assert re.search(rb"chariot: member 1 \(host .*, pid \d+\) is gone before all were there: it has left\n", said), said
    for member in (1, 2):
        party.start(member, program)
    party.children.pop("first").communicate()
    ends = party.ends()
    assert ends[0][0] == 0 and ends[1] == ends[2] == ENDED, ends


# ---------------------------------------------------------------- who is not let in


def test_another_secret(party: Party) -> None:
    other = party.place.path / "other"
    other.write_bytes(os.urandom(32))
    other.chmod(0o600)
    party.start(0, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    party.start(1, "prog", CHARIOT_SECRET_FILE=str(other))
    ends = party.ends()
    assert ends[1][0] == 70 and "do not belong to the same job" in ends[1][2], ends
    assert ends[0][2].count("a caller from 127.0.0.1 is not let in: it does not belong to this job") == 1, ends


def test_another_job_of_the_same_secret(party: Party) -> None:
    party.start(0, "prog", CHARIOT_MEMBERS_TIMEOUT="1")
    party.start(1, "prog", CHARIOT_JOB="another")
    ends = party.ends()
    assert ends[1][0] == 70 and "do not belong to the same job" in ends[1][2]
    assert ends[0][2].count("is not let in") == 1


def test_plain_text_probes_and_half_open_connections_disturb_nobody(party: Party) -> None:
    program = party.place.pe("put(str(ME)); farewell()\n")
    head = party.start(0, program)
    open_ones: list[socket.socket] = []

    def knock() -> bool:
        with suppress(OSError):
            open_ones.append(socket.create_connection(("127.0.0.1", party.port)))
            return True
        return False

    wait_until(knock, "the door is open")
    for _ in range(1000):  # far more than the door holds
        open_ones.append(socket.create_connection(("127.0.0.1", party.port)))
    for text in (b"GET / HTTP/1.1\r\n\r\n", b"\xff\xff\xff\x3f" * 16, b"\x16\x03\x01\x40\x00" + b"x" * 100):
        with socket.create_connection(("127.0.0.1", party.port)) as one:
            one.sendall(text)
    socket.create_connection(("127.0.0.1", party.port)).close()
    descriptors = len(os.listdir(f"/proc/{head.pid}/fd"))
    for member in (1, 2):
        party.start(member, program)
    ends = party.ends()
    for one in open_ones:
        one.close()
    assert descriptors < 300
    assert ends[0][0] == 0 and sorted(ends[0][1].split()) == ["0", "1", "2"], ends
    assert ends[0][2].count("is not let in") == 3, ends[0][2]


def test_a_tls_client_without_the_key(party: Party) -> None:
    party.start(0, "prog", CHARIOT_MEMBERS_TIMEOUT="2")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    refused = False

    def knock() -> bool:
        nonlocal refused
        try:
            with socket.create_connection(("127.0.0.1", party.port)) as one, context.wrap_socket(one):
                return True
        except ssl.SSLError:
            refused = True
        except OSError:
            return False
        return True

    wait_until(knock, "an answer")
    assert refused and party.ends()[0][2].count("it does not belong to this job") == 1


@pytest.mark.parametrize(
    "make, text",
    [
        (lambda path: path.write_bytes(b"short"), "the secret '{}' has 5 bytes; it takes 32 random ones at least"),
        (lambda path: path.unlink(), "cannot read the secret '{}': No such file or directory"),
        (lambda path: path.chmod(0o644), "everyone on this host can read the secret '{}'; 'chmod 600' it"),
    ],
    ids=["short", "none", "open"],
)
def test_secrets_that_are_none(party: Party, make: object, text: str) -> None:
    make(party.secret)  # type: ignore[operator]
    party.start(0, "prog")
    status, _, err = party.ends()[0]
    assert status == 2 and err.startswith(f"chariot: {text.format(party.secret)}"), err


# ---------------------------------------------------------------- certificates


def certificates(where: Path, name: str, authority: Path | None = None) -> Path:
    """A directory with ca.crt, tls.crt, tls.key, as cert-manager makes one."""
    here = where / name
    here.mkdir()

    def openssl(*words: object) -> None:
        subprocess.run(["openssl", *map(str, words)], check=True, capture_output=True, cwd=here)

    signer = authority or here
    if authority is None:
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key", "-out", "ca.crt",
                "-subj", "/CN=authority", "-days", 2)  # fmt: skip
    openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "tls.key", "-out", "tls.csr",
            "-subj", f"/CN={name}")  # fmt: skip
    (here / "names").write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\n")
    openssl("x509", "-req", "-in", "tls.csr", "-CA", signer / "ca.crt", "-CAkey", signer / "ca.key", "-CAcreateserial", "-out", "tls.crt",
            "-extfile", "names", "-days", 1)  # fmt: skip
    if authority is not None:
        (here / "ca.crt").write_bytes((authority / "ca.crt").read_bytes())
    return here


def test_certificates_in_place_of_a_secret(party: Party) -> None:
    one = certificates(party.place.path, "one")
    two = certificates(party.place.path, "two", one)
    stranger = certificates(party.place.path, "stranger")
    program = party.place.pe("put(str(ME)); farewell()\n")
    party.start(0, program, CHARIOT_SECRET_FILE="", CHARIOT_TLS_DIR=str(one))
    party.start(1, program, CHARIOT_SECRET_FILE="", CHARIOT_TLS_DIR=str(two))
    party.start(2, program, key="stranger", CHARIOT_SECRET_FILE="", CHARIOT_TLS_DIR=str(stranger))
    status, _, err = end_of(party.children.pop("stranger"))
    assert status == 70 and "do not belong to the same job (its certificate: " in err, err
    trusting = certificates(party.place.path, "trusting")
    (trusting / "ca.crt").write_bytes((one / "ca.crt").read_bytes())
    party.start(2, program, key="trusting", CHARIOT_SECRET_FILE="", CHARIOT_TLS_DIR=str(trusting))
    status, _, err = end_of(party.children.pop("trusting"))
    assert (status, err) == (70, "chariot: member 2: the head has ended the connection before the job began; it has said why\n")
    party.start(2, program, CHARIOT_SECRET_FILE="", CHARIOT_TLS_DIR=str(two))
    ends = party.ends()
    assert ends[0][0] == 0 and sorted(ends[0][1].split()) == ["0", "1", "2"], ends


# ---------------------------------------------------------------- munge

# What munge and unmunge do, but for the cryptography: {uid} may open it, {sealer} has sealed it.
MUNGE = """#!/bin/sh
[ "$1" = --restrict-uid ] && [ "$2" = "$(id -u)" ] && echo "MUNGE:$(base64 -w0):"
"""
UNMUNGE = """#!/bin/sh
tr -d '\\n' | sed 's/^MUNGE:\\(.*\\):$/\\1/' >sealed.$$
printf 'UID:             %s\\n\\n' {sealer}
base64 -d sealed.$$
rm sealed.$$
exit {status}
"""


@pytest.mark.parametrize("status, sealer", [(0, "$(id -u)"), (17, "$(id -u)")], ids=["new", "replayed"])
def test_a_step_of_slurm_finds_itself_by_munge(party: Party, status: int, sealer: str) -> None:
    ends = step(party, status, sealer)
    assert ends[0][0] == 0 and sorted(ends[0][1].split()) == ["0", "1", "2"] and ends[1] == ends[2] == ENDED, ends


def test_a_key_that_somebody_else_has_sealed_is_not_taken(party: Party) -> None:
    ends = step(party, 0, "12345", CHARIOT_MEMBERS_TIMEOUT="1")
    for member in (1, 2):
        assert ends[member][0] == 70 and "is not this job's head: its key was sealed by another user" in ends[member][2], ends
    assert ends[0][0] == 70 and "members 1, 2 of 3 have not come" in ends[0][2]


def test_a_step_without_munge(party: Party) -> None:
    party.place.program("munge", "#!/bin/sh\nexit 6\n")
    status, _, err = step(party, 0, "0", prepared=True)[0]
    assert status == 71 and err.startswith("chariot: munge failed (status 6); members of a Slurm step find each other by munge, or by"), err


def step(party: Party, status: int, sealer: str, prepared: bool = False, **env: str) -> dict[object, tuple[int, str, str]]:
    program = party.place.pe("put(str(ME)); farewell()\n")
    if not prepared:
        party.place.program("munge", MUNGE)
        party.place.program("unmunge", UNMUNGE.format(status=status, sealer=sealer))
    given = {"CHARIOT_MEMBER": "", "CHARIOT_SECRET_FILE": "", "SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_ID": "0", "SLURM_STEP_NUM_TASKS": "3",
             "SLURM_STEP_NODELIST": "n[1-3]", "PATH": f"{party.place.path}:{os.environ['PATH']}"}  # fmt: skip
    for member in (0,) if prepared else (1, 2, 0):
        party.start(member, program, **given | {"SLURM_PROCID": str(member)} | env)
    return party.ends()


# ---------------------------------------------------------------- who is lost


def test_a_member_that_dies_is_named_with_its_pes(party: Party) -> None:
    program = party.place.pe("put(str(ME)); forever()\n")
    head = party.start_all("-n", 6, program)
    lines_of(head, 6)
    party.children[1].kill()
    ends = party.ends()
    assert ends[0][0] == 70 and re.fullmatch(r"chariot: member 1 \(host .*, PEs 2 to 3\) is gone: its connection has ended\n", ends[0][2]), ends
    assert ends[2] == ENDED or ends[2][0] == 70
    wait_until(lambda: not any(one.endswith(" pe") for one in party.place.processes()), "no PE left")


def test_a_head_that_dies_takes_all_along(party: Party) -> None:
    program = party.place.pe("put(str(ME)); forever()\n")
    head = party.start_all(program)
    lines_of(head, 3)
    head.kill()
    ends = party.ends()
    for member in (1, 2):
        assert ends[member] == (70, "", f"chariot: member {member}: the head is gone; its PEs here are ended\n")
    wait_until(lambda: not any(one.endswith(" pe") for one in party.place.processes()), "no PE left")


def test_a_signal_to_a_member_is_its_end_and_the_jobs(party: Party) -> None:
    program = party.place.pe("put(str(ME)); forever()\n")
    head = party.start_all(program)
    lines_of(head, 3)
    party.children[1].send_signal(signal.SIGTERM)
    ends = party.ends()
    assert ends[0][0] != 0 and ends[1][0] == 128 + signal.SIGTERM, ends


def test_a_signal_to_the_head_ends_all(party: Party) -> None:
    program = party.place.pe("put(str(ME)); forever()\n")
    head = party.start_all(program)
    lines_of(head, 3)
    head.send_signal(signal.SIGTERM)
    ends = party.ends()
    assert ends[0][0] == 128 + signal.SIGTERM and ends[1] == ends[2] == ENDED, ends


@pytest.mark.parametrize(
    "env, words, text",
    [
        ({"CHARIOT_MEMBER": "3"}, [], "member '3' of '3' makes no sense; a member is R of M, 0 to M-1"),
        ({"CHARIOT_MEMBER": "x"}, [], "member 'x' of '3' makes no sense"),
        ({"CHARIOT_HEAD": "host"}, [], "the head is HOST:PORT or [ADDRESS]:PORT, not 'host'"),
        ({"CHARIOT_HEAD": ""}, [], "this is member 0 of 3, but where is member 0? --head HOST:PORT, or CHARIOT_HEAD"),
        ({"CHARIOT_SECRET_FILE": ""}, [], "this is member 0 of 3; members show each other that they belong together by a secret"),
        ({"CHARIOT_RENDEZVOUS": "pigeon"}, [], "no rendezvous 'pigeon'; there are: given, munge"),
        ({}, ["-n", "2"], "2 PEs on 3 members (the members given): each has one at least"),
        ({}, ["--member", "0/2", "--hosts", "a"], "--member, or hosts and --launcher: one of the two"),
    ],
)
def test_bad_input(party: Party, env: dict[str, str], words: list[str], text: str) -> None:
    party.start(0, *words, "prog", **env)
    status, out, err = party.ends()[0]
    assert (status, out) == (2, "") and err.startswith(f"chariot: {text}"), err
