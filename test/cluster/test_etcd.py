"""chariot-etcd against real etcd servers, of one member and of three: who is in, who is refused, who has lost its lease."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from etcd import GRACE_S, HEAD, JOINED, LEASE_S, LOST, PROGRAM, SEEN, Etcd, Member, etcd, free_ports, members

pytestmark = pytest.mark.skipif(not shutil.which("etcd") or not shutil.which("etcdctl"), reason="needs etcd-server and etcd-client")


@pytest.fixture(scope="module")
def one() -> Iterator[Etcd]:
    with etcd(1) as servers:
        yield servers


@pytest.fixture
def three() -> Iterator[Etcd]:
    with etcd(3) as servers:
        yield servers


@pytest.fixture
def job(request: pytest.FixtureRequest) -> str:
    return str(request.node.name).replace("[", "-").replace("]", "")


def meet(*all_: Member) -> None:
    """All are in, and know the head."""
    for member in all_:
        member.wait(JOINED)
    all_[0].publish("10.0.0.7:4711")
    for member in all_:
        member.wait(HEAD, address="10.0.0.7:4711")
    for number in range(len(all_)):
        all_[0].wait(SEEN, member=number, here=1)


# ---------------------------------------------------------------- who is in


def test_members_find_the_head_and_leave_nothing(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 3, job=job), Member(one, 1, 3, job=job), Member(one, 2, 3, job=job)) as all_:
        meet(*all_)
        epochs = {m.wait(HEAD)["epoch"] for m in all_}
        assert len(epochs) == 1 and min(epochs) > 0
        assert one.ctl("get", "--prefix", f"/chariot/{job}/", "--keys-only").split() == [
            f"/chariot/{job}/head", *(f"/chariot/{job}/member/{i}" for i in range(3))]  # fmt: skip
        all_[2].leave()
        assert all_[2].program.wait(timeout=10) == 0
        all_[0].wait(SEEN, member=2, here=0, host="host2")
    assert [m.program.returncode for m in all_] == [0, 0, 0]
    assert one.ctl("get", "--prefix", f"/chariot/{job}/") == ""


def test_a_late_member_is_waited_for(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job)) as (head,):
        head.wait(JOINED)
        head.publish("h:1")
        head.wait(HEAD)
        time.sleep(LEASE_S + 2)
        assert not head.has(LOST)
        with members(Member(one, 1, 2, job=job)) as (late,):
            assert late.wait(HEAD)["address"] == "h:1"
            head.wait(SEEN, member=1, here=1)


def test_who_has_no_number_gets_the_lowest_free_one(one: Etcd, job: str) -> None:
    with members(Member(one, 1, 4, job=job)) as (given,):
        given.wait(JOINED)
        with members(*(Member(one, None, 4, job=job, host=f"any{i}") for i in range(4))) as any_:
            deadline = time.monotonic() + 20
            while sum(m.has(JOINED) for m in any_) < 3 and time.monotonic() < deadline:
                time.sleep(0.05)
            numbers = sorted(m.wait(JOINED).get("member", 0) for m in any_ if m.has(JOINED))
            assert numbers == [0, 2, 3]
            (left,) = (m for m in any_ if not m.has(JOINED))
            assert f"all 4 places of job {job} are taken" in left.wait(LOST)["text"]


def test_each_job_of_a_name_has_a_higher_epoch(one: Etcd, job: str) -> None:
    epochs = []
    for _ in range(2):
        with members(Member(one, 0, 2, job=job), Member(one, 1, 2, job=job)) as all_:
            meet(*all_)
            epochs.append(all_[1].wait(HEAD)["epoch"])
    assert epochs[0] < epochs[1]


# ---------------------------------------------------------------- who is refused


def test_a_duplicate_is_refused_and_hears_who_is_there(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job, host="first")) as (first,):
        registration = first.wait(JOINED)["registration"]
        with members(Member(one, 0, 2, job=job, host="second")) as (second,):
            text = second.wait(LOST)["text"]
            assert text == f"there is a member 0 of job {job} already: pid 1000 on first (registration {registration})"
        assert not first.has(LOST)


def test_the_place_of_a_dead_member_becomes_free(one: Etcd, job: str) -> None:
    with members(Member(one, 1, 2, job=job, host="dead"), Member(one, 0, 2, job=job)) as (dead, head):
        old = dead.wait(JOINED)["registration"]
        head.wait(SEEN, member=1, here=1)
        dead.program.kill()  # so that the lease is not given back
        with members(Member(one, 1, 2, job=job, host="new")) as (new,):
            assert new.wait(JOINED)["registration"] > old
            assert head.wait(SEEN, member=1, here=0) == {"member": 1, "registration": old, "host": "dead", "pid": 1001}
            head.wait(SEEN, member=1, here=1, host="new")


def test_a_dead_head_is_heard_of_and_a_new_one_too(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job), Member(one, 1, 2, job=job)) as (head, other):
        meet(head, other)
        old = other.wait(HEAD)["epoch"]
        head.program.kill()
        assert other.wait(HEAD, address="", within=LEASE_S + GRACE_S)["host"] == "host0"
        with members(Member(one, 0, 2, job=job)) as (new,):
            new.wait(JOINED)
            new.publish("h:2")
            assert other.wait(HEAD, address="h:2")["epoch"] > old


WRONG: list[tuple[dict[str, Any], str]] = [
    (dict(member=4, members=4), "the number of the member is not below the number of members"),
    (dict(member=0, members=0), "a job in etcd has 1 to 1048576 members"),
    (dict(member=0, members=1, job="a/b"), "the name of a job in etcd is made of letters"),
    (dict(member=0, members=1, job=""), "the name of a job in etcd is made of letters"),
    (dict(member=0, members=1, lease_s=1), "a lease in etcd lives 2 to 3600 seconds"),
    (dict(member=0, members=1, host="a b"), "the name of this host cannot be used"),
    (dict(member=0, members=1, patience_s=float("nan")), "no time is left to meet in etcd"),
    (dict(member=0, members=1, where="localhost"), "an endpoint of etcd is HOST:PORT"),
    (dict(member=0, members=1, where="a:1," * 20 + "a:1"), "too many endpoints of etcd"),
    (dict(member=0, members=1, env={"CHARIOT_ETCD_CA": "/nowhere"}), "cannot read '/nowhere', which CHARIOT_ETCD_CA names: No such"),
    (dict(member=0, members=1, env={"CHARIOT_ETCD_CERT": "/dev/null"}), "for TLS with etcd, CHARIOT_ETCD_CA names a file"),
]


@pytest.mark.parametrize("number", range(len(WRONG)))
def test_what_cannot_be_is_refused_at_once(one: Etcd, number: int) -> None:
    words, text = WRONG[number]
    with members(Member(**({"where": one, **words}))) as (member,):
        lost = member.wait(LOST)
        assert lost["text"].startswith(text) and lost["status"] == 2
    assert member.program.returncode == 0


LIES: list[tuple[dict[str, Any], str, str]] = [
    (dict(members=8), "says that the job has 8 members, not 2", "says that the job has 2 members, not 8"),
    (dict(members=2, version="2"), "is of version 2, not 1", "is of version 1, not 2"),
]


@pytest.mark.parametrize("number", range(len(LIES)))
def test_who_believes_in_another_job_is_refused_and_the_head_says_why(one: Etcd, job: str, number: int) -> None:
    words, heads, liars = LIES[number]
    with members(Member(one, 0, 2, job=job), Member(one, 1, job=job, **words)) as (head, liar):
        head.wait(JOINED)
        head.publish("h:1")
        assert head.said(f"chariot: member/1 of job {job} (pid 1001 on host1) {heads}\n")
        assert liar.wait(LOST)["text"] == f"head of job {job} (pid 1000 on host0) {liars}"
        assert not any(what == SEEN and part.get("member") == 1 for what, part in head.heard)
        assert not liar.has(HEAD) and not head.has(LOST)


def test_what_others_write_below_the_prefix_is_checked(one: Etcd, job: str) -> None:
    names = ["member/2", "member/01", "member/", "member/-1", "member/4294967296", "heads", "member/1/2", "x"]
    for name in names:
        one.ctl("put", f"/chariot/{job}/{name}", "host=x pid=1 members=2 version=1")
    with members(Member(one, 0, 2, job=job)) as (head,):
        head.wait(JOINED)
        head.wait(SEEN, member=0)
        one.ctl("put", f"/chariot/{job}/member/1", "host=" + "x" * 5000)
        assert head.said(f"chariot: /chariot/{job}/member/1 in etcd holds what is no member; 'etcdctl del' removes it\n")
        assert [part.get("member", 0) for what, part in head.heard if what == SEEN] == [0]


def test_garbage_from_the_launcher_ends_it(one: Etcd, job: str) -> None:
    for garbage in (b"\xff\xff\xff\xff", b"\x04\x00\x00\x00\xff\xff\xff\xff", b""):
        with members(Member(one, 0, 1, job=job)) as (member,):
            member.wait(JOINED)
            member.silent = True
            member.ours.sendall(garbage) if garbage else member.ours.shutdown(1)
            assert member.program.wait(timeout=10) == 0
    assert one.ctl("get", "--prefix", f"/chariot/{job}/") == ""


def test_it_is_no_command_for_people() -> None:
    done = subprocess.run([PROGRAM], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (2, "chariot-etcd: 'chariot run --rendezvous etcd://...' starts it; nobody else need\n")


# ---------------------------------------------------------------- leases


def test_who_was_stopped_beyond_its_lease_is_out(one: Etcd, job: str) -> None:
    """Without its own word for it: the other side has heard before, and a newcomer has the place."""
    with members(Member(one, 0, 2, job=job), Member(one, 1, 2, job=job)) as (head, other):
        meet(head, other)
        other.program.send_signal(signal.SIGSTOP)
        head.wait(SEEN, member=1, here=0, within=LEASE_S + GRACE_S)
        with members(Member(one, 1, 2, job=job, host="new")) as (new,):
            new.wait(HEAD)
            other.program.send_signal(signal.SIGCONT)
            assert f"member 1 of job {job} has lost its lease in etcd" in other.wait(LOST)["text"]
            time.sleep(LEASE_S)
            assert not new.has(LOST)
            assert one.ctl("get", f"/chariot/{job}/member/1").startswith(f"/chariot/{job}/member/1\nhost=new")


def test_a_lease_that_etcd_revokes_is_over(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 1, job=job)) as (head,):
        head.wait(JOINED)
        lease = next(line.split(":")[1].strip(" ,") for line in one.ctl("get", f"/chariot/{job}/member/0", "-w", "fields").splitlines() if '"Lease"' in line)
        one.ctl("lease", "revoke", f"{int(lease):x}")
        text = head.wait(LOST)["text"]
        assert "is not registered with etcd any more" in text or "etcd has ended it" in text


PARENT = """
import sys, time; sys.path.insert(0, {path!r})
from etcd import *
member = Member({endpoints!r}, 1, 2, job={job!r})
member.wait(JOINED)
print(member.program.pid, flush=True)
time.sleep(100)
"""


def parent_of(servers: Etcd, job: str) -> tuple[subprocess.Popen[str], int]:
    text = PARENT.format(path=str(Path(__file__).parent), endpoints=servers.endpoints, job=job)
    parent = subprocess.Popen([sys.executable, "-c", text], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    return parent, int(parent.stdout.readline())


def is_there(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]
    except OSError:
        return False


def wait_gone(pid: int) -> None:
    deadline = time.monotonic() + 10
    while is_there(pid):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_launcher_that_dies_takes_it_along(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job)) as (head,):
        parent, program = parent_of(one, job)
        head.wait(SEEN, member=1, here=1)
        parent.kill()
        parent.wait()
        head.wait(SEEN, member=1, here=0)
        wait_gone(program)


def test_a_launcher_that_is_stopped_loses_its_lease_and_is_killed(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job)) as (head,):
        parent, program = parent_of(one, job)
        head.wait(SEEN, member=1, here=1)
        parent.send_signal(signal.SIGSTOP)
        head.wait(SEEN, member=1, here=0, within=LEASE_S + GRACE_S)
        assert parent.wait(timeout=10) == -signal.SIGKILL
        wait_gone(program)


# ---------------------------------------------------------------- several servers, and none


def test_the_leader_dies_before_all_are_there(three: Etcd, job: str) -> None:
    with members(Member(three, 0, 3, job=job, lease_s=5), Member(three, 1, 3, job=job, lease_s=5)) as (head, other):
        head.wait(JOINED)
        other.wait(JOINED)
        three.servers[three.leader()].kill()
        with members(Member(three, 2, 3, job=job, lease_s=5)) as (late,):
            meet(head, other, late)
            assert not any(m.has(LOST) for m in (head, other, late))


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
def test_the_leader_fails_during_the_job(three: Etcd, job: str, how: signal.Signals) -> None:
    with members(*(Member(three, i, 3, job=job, lease_s=5) for i in range(3))) as all_:
        meet(*all_)
        leader = three.servers[three.leader()]
        leader.signal(how)
        time.sleep(12)
        assert not any(m.has(LOST) for m in all_), [m.heard for m in all_]
        all_[2].leave()
        all_[0].wait(SEEN, member=2, here=0)
        leader.signal(signal.SIGCONT)


def test_all_of_etcd_is_gone(three: Etcd, job: str) -> None:
    with members(*(Member(three, i, 3, job=job) for i in range(3))) as all_:
        meet(*all_)
        began = time.monotonic()
        for server in three.servers:
            server.kill()
        for number, member in enumerate(all_):
            text = member.wait(LOST, within=LEASE_S + GRACE_S)["text"]
            assert text.startswith(f"member {number} of job {job} has lost its lease in etcd: etcd could not renew it: "), text
        assert time.monotonic() - began < LEASE_S + 2


def test_a_server_that_comes_back_within_the_lease_changes_nothing(one: Etcd, job: str) -> None:
    with members(Member(one, 0, 2, job=job, lease_s=8), Member(one, 1, 2, job=job, lease_s=8)) as all_:
        meet(*all_)
        one.servers[0].kill()
        time.sleep(1)
        one.servers[0].start()
        one.wait()
        time.sleep(10)
        assert not any(m.has(LOST) for m in all_), [m.heard for m in all_]
        all_[1].leave()
        all_[0].wait(SEEN, member=1, here=0)


def test_no_etcd_is_there(job: str) -> None:
    with members(Member(f"127.0.0.1:{free_ports(1)[0]}", 0, 2, job=job, patience_s=2)) as (member,):
        assert member.wait(LOST, within=10)["text"].startswith(f"etcd gives no lease for job {job}: ")


# ---------------------------------------------------------------- TLS and passwords


def openssl(path: Path, *words: str) -> None:
    subprocess.run(["openssl", *words], cwd=path, check=True, capture_output=True)


def authority(path: Path, name: str) -> None:
    openssl(path, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.crt",
            "-days", "1", "-subj", f"/CN={name}")  # fmt: skip


def certificate(path: Path, name: str, by: str) -> None:
    openssl(path, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.csr", "-subj", f"/CN={name}")
    (path / "ext").write_text("subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth,clientAuth\n")
    openssl(path, "x509", "-req", "-in", f"{name}.csr", "-CA", f"{by}.crt", "-CAkey", f"{by}.key", "-CAcreateserial", "-days", "1", "-out", f"{name}.crt", "-extfile", "ext")


def test_tls_both_ways(tmp_path: Path, job: str) -> None:
    authority(tmp_path, "ca")
    authority(tmp_path, "other")
    certificate(tmp_path, "server", "ca")
    certificate(tmp_path, "client", "ca")
    file = {name: str(tmp_path / name) for name in os.listdir(tmp_path)}
    tls = ["--cert-file", file["server.crt"], "--key-file", file["server.key"], "--trusted-ca-file", file["ca.crt"], "--client-cert-auth"]
    flags = ("--cacert", file["ca.crt"], "--cert", file["client.crt"], "--key", file["client.key"])
    good = {"CHARIOT_ETCD_CA": file["ca.crt"], "CHARIOT_ETCD_CERT": file["client.crt"], "CHARIOT_ETCD_KEY": file["client.key"]}
    wrong = [{}, {"CHARIOT_ETCD_CA": file["ca.crt"]}, good | {"CHARIOT_ETCD_CA": file["other.crt"]}]
    with etcd(1, *tls, scheme="https", flags=flags) as servers:
        with members(Member(servers, 0, 1, job=job, env=good)) as (member,):
            member.wait(JOINED)
        for env in wrong:
            with members(Member(servers, 0, 1, job=job, env=env, patience_s=2)) as (member,):
                assert member.wait(LOST)["text"].startswith(f"etcd gives no lease for job {job}: ")
        unusable = good | {"CHARIOT_ETCD_CERT": file["ext"]}
        with members(Member(servers, 0, 1, job=job, env=unusable, patience_s=2)) as (member,):
            assert member.wait(LOST)["text"]


def test_a_user_and_a_password(tmp_path: Path, job: str) -> None:
    (tmp_path / "right").write_text("secret\n")
    (tmp_path / "wrong").write_text("guess\n")
    with etcd(1) as servers:
        servers.ctl("user", "add", "root:rootpw")
        servers.ctl("user", "add", "runner:secret")
        servers.ctl("role", "add", "jobs")
        servers.ctl("role", "grant-permission", "jobs", "--prefix=true", "readwrite", "/chariot/")
        servers.ctl("user", "grant-role", "runner", "jobs")
        servers.ctl("auth", "enable")
        servers.flags += ["--user", "root:rootpw"]
        runner = {"CHARIOT_ETCD_USER": "runner", "CHARIOT_ETCD_PASSWORD_FILE": str(tmp_path / "right")}
        with members(Member(servers, 0, 2, job=job, env=runner), Member(servers, 1, 2, job=job, env=runner)) as all_:
            meet(*all_)
            time.sleep(LEASE_S * 2)
            assert not any(m.has(LOST) for m in all_)
        for env in ({}, runner | {"CHARIOT_ETCD_PASSWORD_FILE": str(tmp_path / "wrong")}):
            with members(Member(servers, 0, 1, job=job, env=env, patience_s=2)) as (member,):
                assert job in member.wait(LOST)["text"]
