"""Jobs whose members meet in an etcd: `chariot run --member R/M --rendezvous etcd://...`, members as processes of this host."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from etcd import ROOT, Etcd, etcd, free_ports
from suites import SUITES, assert_passes, chariot_of_ones_own

pytestmark = pytest.mark.skipif(not shutil.which("etcd") or not shutil.which("etcdctl"), reason="needs etcd-server and etcd-client")

CHARIOT = Path(os.environ.get("CHARIOT_LAUNCHER", ROOT / ".venv/bin/chariot"))
WITHIN_S = 30.0  # for what ends within ten seconds on a machine that has time


@pytest.fixture(scope="module")
def one() -> Iterator[Etcd]:
    with etcd(1) as servers:
        yield servers


@pytest.fixture
def three() -> Iterator[Etcd]:
    with etcd(3) as servers:
        yield servers


class Job:
    """Members of one job. When it is over no process and no file of theirs may be left, and no key."""

    def __init__(self, path: Path, servers: Etcd) -> None:
        self.path, self.servers, self.name = path, servers, path.name.replace("[", "-")
        self.mark = f"CHARIOT_ETCD_TEST={uuid.uuid4()}"
        self.members: list[subprocess.Popen[str]] = []
        self.secret("secret", "s" * 64)
        (path / "t").mkdir()

    def secret(self, name: str, text: str) -> Path:
        file = self.path / name
        file.write_text(text)
        file.chmod(0o600)
        return file

    def start(self, member: str, *words: object, n: int = 4, url: str = "", secret: str = "secret", lease: int = 3, timeout: int = 20,
              **env: str) -> subprocess.Popen[str]:  # fmt: skip
        name, value = self.mark.split("=")
        drop = ("XDG_RUNTIME_DIR", "PYTHONPATH")
        all_ = {k: v for k, v in os.environ.items() if k not in drop and not k.startswith("CHARIOT_")}
        all_ |= {name: value, "TMPDIR": str(self.path / "t"), "CHARIOT_ETCD_LEASE": str(lease), "PATH": f"{ROOT}/.venv/bin:{os.environ['PATH']}"} | env
        # Under a name of its own, each is a machine of its own: its PEs reach the others' by TLS.
        all_.setdefault("CHARIOT_MACHINE", f"m{len(self.members)}")
        url = url or f"etcd://{self.servers.endpoints}/{self.name}"
        command = [CHARIOT, "run", "-n", n, "--quiet", "--member", member, "--rendezvous", url, "--secret-file", self.path / secret,
                   "--members-timeout", timeout, *words]  # fmt: skip
        process = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True, env=all_, start_new_session=True)  # fmt: skip
        self.members.append(process)
        return process

    def pids(self) -> list[int]:
        found = []
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and self.mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                    found.append(int(entry.name))
        return found

    def commands(self) -> dict[int, str]:
        all_ = {}
        for pid in self.pids():
            with contextlib.suppress(OSError):
                all_[pid] = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
        return all_

    def child(self, member: subprocess.Popen[str], program: str) -> int:
        """That program of this member."""
        for pid, command in self.commands().items():
            parent = int(Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[1])
            if parent == member.pid and program in command:
                return pid
        raise AssertionError(self.commands())

    def end(self, member: subprocess.Popen[str], within: float = WITHIN_S) -> tuple[int, str, str]:
        out, err = member.communicate(timeout=within)
        return member.returncode, out, err

    def is_clean(self) -> bool:
        return not self.pids() and not list((self.path / "t").iterdir())

    def close(self) -> None:
        deadline = time.monotonic() + 10
        while not self.is_clean() and time.monotonic() < deadline:
            time.sleep(0.05)
        left, files = self.commands(), list((self.path / "t").iterdir())
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for member in self.members:
            member.kill()
            member.wait()
        assert (left, files) == ({}, [])


@pytest.fixture
def job(tmp_path: Path, one: Etcd) -> Iterator[Job]:
    it = Job(tmp_path, one)
    try:
        yield it
    finally:
        it.close()


@pytest.fixture
def job3(tmp_path: Path, three: Etcd) -> Iterator[Job]:
    it = Job(tmp_path, three)
    try:
        yield it
    finally:
        it.close()


HEAT = [ROOT / "examples/heat.py", "--iterations", "200"]

# Says that it runs; then all PEs are called again and again until a file is there.
BEATS = """
import os, sys, time
from chariot import charm, Chare, Group, Future

class Beat(Chare):
    def beat(self, number):
        return number + charm.my_pe()

def main(args):
    group = Group(Beat)
    print('up', flush=True)
    number = 0
    while not os.path.exists(args[1]):
        group.beat(number, ret=True).get()
        number += 1
        time.sleep(0.05)
    print('beats', number > 0, flush=True)
    exit()

charm.start(main)
"""


def beats(job: Job) -> tuple[Path, Path]:
    program = job.path / "beats.py"
    program.write_text(BEATS)
    return program, job.path / "stop"


def wait_up(member: subprocess.Popen[str]) -> None:
    assert member.stdout and member.stdout.readline() == "up\n", member.communicate(timeout=10)


def test_results_are_those_of_one_host(job: Job) -> None:
    alone = subprocess.run([CHARIOT, "run", "-n", "4", *map(str, HEAT)], capture_output=True, text=True, timeout=120)
    head, other = job.start("0/2", *HEAT), job.start("1/2", *HEAT)
    status, out, err = job.end(head, 120)
    assert (status, job.end(other)) == (0, (0, "", "")), err
    residue = re.compile(r"equal to numpy|[0-9.e+-]+ K").findall
    assert "equal to numpy" in out and residue(out) == residue(alone.stdout)
    assert job.servers.ctl("get", "--prefix", f"/chariot/{job.name}/") == ""


# Two members, each a machine of its own; a job of one PE has one.
MEMBERS = """
members=$((pes > 1 ? 2 : 1))
member() {{ CHARIOT_MACHINE=m$1 {chariot} run "${{@:2}}"; }}
meet=(--quiet --rendezvous "etcd://{endpoints}/job-$$" --secret-file {secret})
[ $members = 2 ] && {{ member 1 --member 1/2 "${{meet[@]}}" "$@" </dev/null >/dev/null 2>&1 & }}
member 0 --member 0/$members "${{meet[@]}}" "$@"
status=$?
wait
exit $status
"""


@pytest.mark.parametrize("suite", SUITES)
def test_the_suite_passes(job: Job, suite: str) -> None:
    own = MEMBERS.format(chariot=CHARIOT, endpoints=job.servers.endpoints, secret=job.path / "secret")
    assert_passes(suite, chariot_of_ones_own(job.path / "bin", own))
    assert job.servers.ctl("get", "--prefix", "/chariot/") == ""


def test_who_has_no_number_gets_one_and_one_of_them_is_the_head(job: Job) -> None:
    several = [job.start("any/3", ROOT / "examples/hello.py") for _ in range(3)]
    ends = [job.end(member) for member in several]
    assert [status for status, _, _ in ends] == [0, 0, 0], ends
    assert sorted(out.count("4 greetings") for _, out, _ in ends) == [0, 0, 1]


def test_a_late_member_and_one_that_never_comes(job: Job) -> None:
    head = job.start("0/2", ROOT / "examples/hello.py")
    time.sleep(4)
    other = job.start("1/2", ROOT / "examples/hello.py")
    assert job.end(head)[0] == 0 and job.end(other)[0] == 0
    head, other = job.start("0/3", "x", timeout=3), job.start("1/3", "x", timeout=3)
    status, _, err = job.end(head)
    assert status == 70 and "member 2 of 3 has not come within 3 s" in err
    assert job.end(other)[0] == 70


def test_a_member_that_dies_before_all_are_there(job: Job) -> None:
    """Its place is free for another when its lease is over."""
    head, dead = job.start("0/3", ROOT / "examples/hello.py"), job.start("1/3", ROOT / "examples/hello.py")
    deadline = time.monotonic() + 10
    while "member/1" not in job.servers.ctl("get", "--prefix", f"/chariot/{job.name}/"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    dead.kill()
    new, last = job.start("1/3", ROOT / "examples/hello.py"), job.start("2/3", ROOT / "examples/hello.py")
    ends = [job.end(member) for member in (head, new, last)]
    assert [status for status, _, _ in ends] == [0, 0, 0], ends


def test_a_duplicate_is_refused_and_the_job_goes_on(job: Job) -> None:
    program, stop = beats(job)
    head, other = job.start("0/2", program, stop), job.start("1/2", program, stop)
    wait_up(head)
    status, _, err = job.end(job.start("1/2", program, stop))
    assert status == 70 and re.search(rf"there is a member 1 of job {job.name} already: pid {other.pid} on ", err), err
    stop.touch()
    assert job.end(head)[:2] == (0, "beats True\n") and job.end(other)[0] == 0


def test_liars_are_refused(job: Job) -> None:
    """Another number of members, a number out of range, another secret."""
    hello = ROOT / "examples/hello.py"
    job.secret("other", "o" * 64)
    head = job.start("0/2", hello)
    status, _, err = job.end(job.start("1/8", hello, n=8))
    assert status == 70 and "says that the job has 2 members, not 8" in err
    assert job.end(job.start("2/2", hello))[0] == 2
    status, _, err = job.end(job.start("1/2", hello, secret="other"))
    assert status == 70 and "do not belong to the same job" in err
    last = job.start("1/2", hello)
    status, _, err = job.end(head)
    assert (status, job.end(last)[0]) == (0, 0), err


def test_who_is_not_registered_is_not_let_in(job: Job) -> None:
    """It has the secret, and knows the door, but neither the epoch nor a registration."""
    hello = ROOT / "examples/hello.py"
    (port,) = free_ports(1)
    head = job.start("0/2", "--head", f"127.0.0.1:{port}", hello)
    deadline = time.monotonic() + 10
    while "/head" not in job.servers.ctl("get", "--prefix", f"/chariot/{job.name}/"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    status, _, err = job.end(job.start("1/2", "--head", f"127.0.0.1:{port}", "--job", job.name, hello, url="given"))
    assert status == 70 and re.search(r"it comes with epoch 0, this job's is \d+", err), err
    last = job.start("1/2", hello)
    status, _, err = job.end(head)
    assert (status, job.end(last)[0]) == (0, 0), err


# ---------------------------------------------------------------- what may happen to a job that runs


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_leader_of_etcd_fails(job3: Job, how: signal.Signals) -> None:
    program, stop = beats(job3)
    head, other = job3.start("0/2", program, stop, lease=5), job3.start("1/2", program, stop, lease=5)
    wait_up(head)
    leader = job3.servers.servers[job3.servers.leader()]
    leader.signal(how)
    time.sleep(8)
    assert head.poll() is None and other.poll() is None
    stop.touch()  # a leader that goes on ends leases of others: etcd issue 15247, mended after Debian's 3.4.23
    status, out, err = job3.end(head)
    assert (status, out) == (0, "beats True\n"), err
    assert job3.end(other)[0] == 0


def test_all_of_etcd_is_gone(job3: Job) -> None:
    program, stop = beats(job3)
    head, other = job3.start("0/2", program, stop), job3.start("1/2", program, stop)
    wait_up(head)
    for server in job3.servers.servers:
        server.kill()
    status, _, err = job3.end(head)
    assert status == 70 and "has lost its lease in etcd: etcd could not renew it: " in err
    job3.end(other)  # by itself, or with the head


@pytest.mark.parametrize("which", [0, 1])
def test_a_member_that_is_stopped_is_fenced(job: Job, which: int) -> None:
    """Its PEs are ended though it cannot end them, and the others hear of it."""
    program, stop = beats(job)
    several = [job.start(f"{i}/2", program, stop) for i in range(2)]
    wait_up(several[0])
    several[which].send_signal(signal.SIGSTOP)
    status, _, err = job.end(several[1 - which])
    assert status != 0 and err
    assert several[which].wait(timeout=WITHIN_S) == -signal.SIGKILL
    deadline = time.monotonic() + 10
    while job.pids() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert job.commands() == {}


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_program_that_keeps_the_lease_fails(job: Job, which: int, how: signal.Signals) -> None:
    program, stop = beats(job)
    several = [job.start(f"{i}/2", program, stop) for i in range(2)]
    wait_up(several[0])
    os.kill(job.child(several[which], "chariot-etcd"), how)
    ends = [job.end(member) for member in several]
    assert ends[0][0] == 70, ends
    assert ("chariot-etcd, which keeps this member's lease in etcd" in ends[which][2]
            or "has lost its lease in etcd" in ends[0][2] or "is not registered any more" in ends[1][2]), ends  # fmt: skip


def test_a_member_dies(job: Job) -> None:
    program, stop = beats(job)
    head, other = job.start("0/2", program, stop), job.start("1/2", program, stop)
    wait_up(head)
    other.kill()
    status, _, err = job.end(head)
    assert status != 0 and "chariot: " in err, err


def test_what_is_wrong_on_the_command_line(job: Job) -> None:
    hello = ROOT / "examples/hello.py"
    wrong = {
        "etcd:///x": "--rendezvous takes etcd://HOST:PORT",
        "etcd": "--rendezvous takes etcd://HOST:PORT",
        "etcd://localhost/x": "an endpoint of etcd is HOST:PORT",
        "etcd://127.0.0.1:1/a b": "the name of a job in etcd is made of letters",
        "zookeeper://x/y": "no rendezvous 'zookeeper://x/y'; there are: given, munge, pmix, etcd://",
    }
    for url, text in wrong.items():
        status, _, err = job.end(job.start("0/2", hello, url=url))
        assert status == 2 and text in err, (url, err)
    status, _, err = job.end(job.start("0/2", hello, CHARIOT_ETCD_LEASE="1"))
    assert status == 2 and "CHARIOT_ETCD_LEASE takes 2 to 3600 seconds" in err
    status, _, err = job.end(job.start("any/2", hello, url="given"))
    assert status == 2 and "only --rendezvous etcd://... gives numbers" in err
