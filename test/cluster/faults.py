"""One fault, chosen by a seed, in a job of 8 PEs on 4 hosts, and the judgement of how it ended.

Whatever happens, within LIMIT_S of the fault the job has ended, with the right answer or with one message that names
what was hit; nothing of it is left anywhere. Usage: faults.py [--first SEED] [--count N] [--only KIND] """

from __future__ import annotations

import argparse
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from net import CHARIOT, ROOT, Host, Net

HOSTS, PES = 4, 8
TRAFFIC_S = 5.0
LIMIT_S = float(os.environ.get("CHARIOT_CLUSTER_LIMIT_S", "10"))  # from the fault to the end of the launcher
CLEAN_S = 10.0  # a host that is cut off ends what it has by itself, after 5 s of silence
START_S = 60.0


class Process(NamedTuple):
    number: int  # here
    there: int  # as that host counts
    words: str


class Job:
    """A run of traffic.py on all hosts of a net."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.mark = f"CHARIOT_CLUSTER={uuid.uuid4()}"
        self.said: list[str] = []
        self.begun = threading.Event()
        self.forgiven: set[str] = set()  # what is left where nobody can remove it
        command = [CHARIOT, "run", "--hosts", net.hosts_list(PES // HOSTS), *net.remote_shell(),
                   ROOT / "test/cluster/traffic.py", str(TRAFFIC_S)]  # fmt: skip
        name, value = self.mark.split("=")
        env = os.environ | {name: value, "CHARIOT_QUIET": "1", "CHARIOT_PYTHON": str(ROOT / ".venv/bin/python"), "TMPDIR": str(net.path)}  # fmt: skip
        self.launcher = subprocess.Popen(net.command(command), env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, text=True, errors="replace")  # fmt: skip
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        assert self.launcher.stdout is not None
        for line in self.launcher.stdout:
            self.said.append(line)
            if "traffic begins" in line:
                self.begun.set()
        self.begun.set()

    def on(self, host: Host, what: str) -> list[Process]:
        """Its processes there with these words, in the order in which they began."""
        found = []
        for number, words in host.processes().items():
            try:
                status = Path(f"/proc/{number}/status").read_text()
            except OSError:
                continue
            there = re.search(r"^NSpid:.*\t(\d+)$", status, re.M)
            if what in words and there:
                found.append(Process(number, int(there[1]), words))
        return sorted(found, key=lambda process: process.there)

    def pe(self, number: int) -> tuple[Host, Process]:
        host = self.net.hosts[number * HOSTS // PES]
        pes = self.on(host, "chariot.boot")
        if len(pes) != PES // HOSTS:
            raise TooEarly
        return host, pes[number % (PES // HOSTS)]

    def agent(self, host: Host) -> Process:
        agents = self.on(host, "chariot agent")
        if not agents:
            raise TooEarly
        return agents[0]

    def here(self) -> list[int]:
        """Its processes on `login`: the launcher and its ssh, nothing of the hosts."""
        namespace = os.readlink("/proc/self/ns/pid")
        found = []
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns/pid") == namespace and self.mark.encode() in (path / "environ").read_bytes():
                    found.append(int(path.name))
            except OSError:
                pass
        return found


class TooEarly(Exception):
    """What was to be hit is not there, or no more."""


class Expected(NamedTuple):
    """How it may end: a message that has these words, or the right answer."""

    words: str
    right: bool = False
    silent: bool = False  # the launcher was killed: it can say nothing


# ---------------------------------------------------------------- faults

Fault = Callable[[Job, random.Random], Expected]


def any_host(job: Job, rng: random.Random) -> Host:
    return rng.choice(job.net.hosts)


def two_hosts(job: Job, rng: random.Random) -> tuple[Host, Host]:
    one, other = rng.sample(job.net.hosts, 2)
    return one, other


def of(host: Host) -> str:
    """Words that name this host or a PE of it."""
    per = PES // HOSTS
    pes = range((host.number - 1) * per, host.number * per)
    return rf"\b{host.name}\b|PE ({'|'.join(map(str, pes))})\b"


def kill_pe(job: Job, rng: random.Random) -> Expected:
    pe = rng.randrange(PES)
    host, process = job.pe(pe)
    os.kill(process.number, signal.SIGKILL)
    return Expected(rf"^chariot: PE {pe} \(pid {process.there} on {host.name}\) was killed by signal 9 \(Killed\)(, in .+)?$")


def stop_pe(job: Job, rng: random.Random) -> Expected:
    pe = rng.randrange(PES)
    host, process = job.pe(pe)
    os.kill(process.number, signal.SIGSTOP)
    return Expected(rf"PE {pe} \(pid {process.there} on {host.name}\) has been stopped")


def kill_host(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    host.kill()
    return Expected(of(host))


def end_host(job: Job, rng: random.Random) -> Expected:
    """All its processes at once, the guard too: so nobody is left to remove the directory there, which a boot would."""
    host = any_host(job, rng)
    job.agent(host)
    host.end_processes()
    job.forgiven.update(f"{host.name}: /tmp/{name}" for name in host.files())
    return Expected(of(host))


def kill_agent(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    os.kill(job.agent(host).number, signal.SIGKILL)
    return Expected(rf"^chariot: the connection to host {host.name} ended")


def stop_agent(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    os.kill(job.agent(host).number, signal.SIGSTOP)
    return Expected(rf"^chariot: host {host.name} has not been heard of for 5 seconds")


def kill_sshd(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.agent(host)
    for process in job.on(host, "sshd: root@"):
        os.kill(process.number, signal.SIGKILL)
    return Expected(rf"^chariot: the connection to host {host.name} ended")


def kill_ssh(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.agent(host)
    for number in job.here():
        words = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
        if words[0].endswith(b"ssh") and host.name.encode() in words:
            os.kill(number, signal.SIGKILL)
    return Expected(rf"^chariot: the connection to host {host.name} ended")


def cut_one_way(job: Job, rng: random.Random) -> Expected:
    one, other = two_hosts(job, rng)
    job.net.cut(one.name, other.name)
    return Expected(f"{of(one)}|{of(other)}")


def cut_both_ways(job: Job, rng: random.Random) -> Expected:
    one, other = two_hosts(job, rng)
    job.net.cut(one.name, other.name)
    job.net.cut(other.name, one.name)
    return Expected(f"{of(one)}|{of(other)}")


def cut_from_login(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.net.cut("login", host.name)
    return Expected(rf"\bhost {host.name}\b")


def cut_to_login(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.net.cut(host.name, "login")
    return Expected(rf"\bhost {host.name}\b")


def cut_host_off(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.net.cut(host.name)
    job.net.cut(None, host.name)
    return Expected(of(host))


def cut_what_a_host_hears(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.net.cut(None, host.name)
    return Expected(of(host))


def flap(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    for _ in range(rng.randrange(1, 4)):
        job.net.cut(host.name)
        job.net.cut(None, host.name)
        time.sleep(rng.uniform(0.1, 0.8))
        job.net.mend()
        time.sleep(rng.uniform(0.2, 0.6))
    return Expected(of(host), right=True)


def slow(job: Job, rng: random.Random) -> Expected:
    host = any_host(job, rng)
    job.net.slow(host.name, rng.choice((5000, 10000, 30000)))
    return Expected(of(host), right=True)


def kill_launcher(job: Job, rng: random.Random) -> Expected:
    job.launcher.kill()
    return Expected("", silent=True)


FAULTS: dict[str, Fault] = {
    f.__name__: f
    for f in (kill_pe, stop_pe, kill_host, end_host, kill_agent, stop_agent, kill_sshd, kill_ssh, cut_one_way, cut_both_ways,
              cut_from_login, cut_to_login, cut_host_off, cut_what_a_host_hears, flap, slow, kill_launcher)
}  # fmt: skip
STARTS = 0.2  # this part of the faults comes while the job starts


# ---------------------------------------------------------------- a run


class Outcome(NamedTuple):
    seed: int
    kind: str
    how: str  # right, verdict, or what was wrong
    seconds: float
    said: str

    @property
    def good(self) -> bool:
        return self.how in ("right", "verdict")


def judge(job: Job, expected: Expected, seconds: float) -> str:
    said = "".join(job.said)
    messages = [line for line in job.said if re.match(r"chariot: |PE \d+ ", line)]
    status = job.launcher.returncode
    if expected.silent:
        return "verdict"
    if status == 0:
        right = re.search(r"^right answer after \d+ rounds$", said, re.M) and not messages
        return "right" if right and expected.right else "an end as if nothing had happened"
    if seconds > LIMIT_S:
        return f"late: {seconds:.1f} s"
    if not messages:
        return f"status {status} without a message"
    if not re.search(expected.words, messages[0]):
        return f"a message that does not match {expected.words!r}"
    return "verdict" if len(messages) == 1 else "more than one message"


def wait_clean(job: Job) -> list[str]:
    """What is left: nothing, it is hoped, in a while."""
    until = time.monotonic() + CLEAN_S
    while True:
        left = [line for line in job.net.left() if "sshd: " not in line and line not in job.forgiven]
        left += [f"login: {number}" for number in job.here()]
        left += [f"login: {path.name}" for path in job.net.path.glob("chariot-*")]
        if not left or time.monotonic() > until:
            return left
        time.sleep(0.05)


def run(net: Net, seed: int, only: str | None = None) -> Outcome:
    rng = random.Random(seed)
    kind = rng.choice(sorted(FAULTS))
    kind = only or kind
    early, moment = rng.random() < STARTS, rng.random()
    job = Job(net)
    hit = False
    try:
        if early:
            time.sleep(moment)
        else:
            assert job.begun.wait(START_S), "no start"
            time.sleep(moment * (TRAFFIC_S - 2))
        while True:
            try:
                began = time.monotonic()
                expected = FAULTS[kind](job, random.Random(seed))
                break
            except TooEarly:
                if job.launcher.poll() is not None:
                    raise AssertionError("it ended before its time") from None
                time.sleep(0.05)
        hit = True
        try:
            job.launcher.wait(LIMIT_S + 20)
            seconds = time.monotonic() - began
            job.reader.join(5)
            how = judge(job, expected, seconds)
        except subprocess.TimeoutExpired:
            seconds, how = LIMIT_S + 20, "it hangs"
            dump(job)
    except AssertionError as error:
        seconds, how = 0, str(error)
    finally:
        if job.launcher.poll() is None:
            job.launcher.kill()  # its guard does the rest
        left = wait_clean(job)
        if left and how in ("right", "verdict"):
            how = f"left behind: {left}"
        heal(net, job)
    return Outcome(seed, kind + (" (at the start)" if early else ""), how, seconds, "".join(job.said))


def dump(job: Job) -> None:
    """Where the processes of a job that hangs are, for whoever mends it."""
    for host in job.net.hosts:
        for number, words in host.processes().items():
            try:
                state = re.search(r"State:\t(\S)", Path(f"/proc/{number}/status").read_text())
                wchan = Path(f"/proc/{number}/wchan").read_text()
                job.said.append(f"  {host.name}: {number} {state[1] if state else '?'} {wchan} {words}\n")
            except OSError:
                pass


def heal(net: Net, job: Job) -> None:
    """As if nothing had been."""
    for number in job.here():
        os.kill(number, signal.SIGKILL)
    for path in net.path.glob("chariot-*"):
        shutil.rmtree(path, ignore_errors=True)
    for host in net.hosts:
        if host.child is not None:
            host.end_processes()
            for name in host.files():
                shutil.rmtree(f"/proc/{host.first}/root/tmp/{name}", ignore_errors=True)
    net.repair()


def runs(net: Net, first: int, count: int, only: str | None = None) -> Iterator[Outcome]:
    for seed in range(first, first + count):
        yield run(net, seed, only)


def table(outcomes: list[Outcome]) -> str:
    """Per kind: how many runs, right answers, verdicts, bad ends; seconds from fault to end, middle and longest."""
    kinds = defaultdict(list)
    for outcome in outcomes:
        kinds[outcome.kind.split(" ")[0]].append(outcome)
    lines = ["fault                    runs  right  verdict  bad   s (median)  s (max)"]
    for kind, some in sorted(kinds.items()):
        right, verdict = (sum(one.how == how for one in some) for how in ("right", "verdict"))
        seconds = [one.seconds for one in some]
        lines.append(f"{kind:24} {len(some):4} {right:6} {verdict:8} {len(some) - right - verdict:4} "
                     f"{statistics.median(seconds):12.1f} {max(seconds):8.1f}")  # fmt: skip
    return "\n".join(lines)


@contextmanager
def shown(outcomes: list[Outcome]) -> Iterator[None]:
    try:
        yield
    finally:
        print(table(outcomes), flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=10)
    parser.add_argument("--only", choices=sorted(FAULTS))
    args = parser.parse_args()
    outcomes: list[Outcome] = []
    with Net(HOSTS) as net, shown(outcomes):
        for outcome in runs(net, args.first, args.count, args.only):
            outcomes.append(outcome)
            print(f"{outcome.seed:5} {outcome.kind:40} {outcome.seconds:5.1f} s  {outcome.how}", flush=True)
            if not outcome.good or os.environ.get("V"):
                print("".join(f"        {line}\n" for line in outcome.said.splitlines()), flush=True)
    return 0 if all(outcome.good for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
