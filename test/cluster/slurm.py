"""A Slurm of two nodes on this machine, of Debian's munged, slurmctld and slurmd: what test_slurm.py runs jobs under.

    with Slurm() as slurm:
        slurm.run("srun", "-n4", chariot, "run", "prog.py")

Debian's slurmd serves a node by name (-N), so two of them, on ports of their own, are two nodes. Everything lies in one
temporary directory; the daemons are our children in the foreground, and die with us. It needs root.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = ROOT / "build/release/bin/chariot"
READY_S = 60.0
COMMANDS = {"munged": "munge", "slurmctld": "slurmctld", "slurmd": "slurmd", "srun": "slurm-client"}
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", "/usr/bin:/bin")

CONFIG = """\
ClusterName=chariot
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
AuthType=auth/munge
AuthInfo=socket={here}/munge.sock
SlurmUser=root
SlurmdUser=root
StateSaveLocation={here}/state
SlurmdSpoolDir={here}/%n
SlurmctldPidFile={here}/slurmctld.pid
SlurmdPidFile={here}/%n.pid
SlurmctldLogFile={here}/slurmctld.log
SlurmdLogFile={here}/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
MpiDefault=none
ReturnToService=2
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
KillWait=2
NodeName=n1 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[1]} CPUs=8
NodeName=n2 NodeHostname={host} NodeAddr=127.0.0.1 Port={ports[2]} CPUs=8
PartitionName=all Nodes=n1,n2 Default=YES State=UP
"""


def missing() -> str:
    """Why there can be no Slurm here; "": there can."""
    if os.geteuid() != 0:
        return "it needs root"
    lacks = [package for name, package in COMMANDS.items() if shutil.which(name, path=SYSTEM_PATH) is None]
    return f"there is no {', '.join(lacks)} (tools/setup.sh check-more)" if lacks else ""


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def free_ports(count: int) -> list[int]:
    with_ports = [socket.socket() for _ in range(count)]
    for one in with_ports:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in with_ports]
    for one in with_ports:
        one.close()
    return ports


class Slurm:
    def __init__(self) -> None:
        self.here = Path(tempfile.mkdtemp(prefix="chariot-slurm-", dir="/tmp"))
        self.here.chmod(0o755)  # munged looks at the way to its key
        self.daemons: list[subprocess.Popen[bytes]] = []
        drop = ("SLURM_", "PMI", "OMPI_")
        self.env = {key: value for key, value in os.environ.items() if not key.startswith(drop)}
        self.env |= {"SLURM_CONF": f"{self.here}/slurm.conf", "CHARIOT_MUNGE_SOCKET": f"{self.here}/munge.sock", "PATH": SYSTEM_PATH}

    def start(self, *words: str) -> None:
        with (self.here / f"{words[0]}.out").open("ab") as out:
            self.daemons.append(
                subprocess.Popen(words, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, preexec_fn=die_with_parent)
            )

    def wait_until(self, what: str, condition: object) -> None:
        deadline = time.monotonic() + READY_S
        while not condition():  # type: ignore[operator]
            if time.monotonic() > deadline or any(one.poll() is not None for one in self.daemons):
                logs = "\n".join(f"--- {log.name}\n{log.read_text()[-2000:]}" for log in self.here.glob("*.[lo][ou][gt]"))
                raise RuntimeError(f"no {what}:\n{logs}")
            time.sleep(0.1)

    def nodes_are_idle(self) -> bool:
        return self.run("sinfo", "-h", "-o", "%T %D").stdout.split() == ["idle", "2"]

    def __enter__(self) -> Slurm:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def open(self) -> None:
        here, key = self.here, self.here / "munge.key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o600)
        config = CONFIG.format(host=socket.gethostname(), here=here, ports=free_ports(3))
        (here / "slurm.conf").write_text(config)
        for name in ("state", "n1", "n2"):
            (here / name).mkdir()
        names = {name: f"--{name}={here}/munge.{end}" for name, end in (("key-file", "key"), ("socket", "sock"), ("pid-file", "pid"))}
        self.start("munged", "--foreground", "--force", *names.values(), f"--seed-file={here}/munge.seed")
        self.wait_until("munge", (here / "munge.sock").exists)
        self.start("slurmctld", "-D")
        for name in ("n1", "n2"):
            self.start("slurmd", "-D", "-N", name)
        self.wait_until("idle nodes", self.nodes_are_idle)

    def run(self, *words: str | Path, text_in: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            list(map(str, words)), env=self.env | (env or {}), input=text_in, capture_output=True, text=True, timeout=120, cwd=self.here
        )

    def processes(self) -> list[str]:
        """Of jobs and their steps: they have our SLURM_CONF."""
        mark, daemons, found = f"SLURM_CONF={self.env['SLURM_CONF']}".encode(), [one.pid for one in self.daemons], []
        for entry in Path("/proc").iterdir():
            try:
                ours = entry.name.isdigit() and int(entry.name) not in daemons and mark in (entry / "environ").read_bytes()
                if ours and (entry / "comm").read_text().strip() != "slurmscriptd":  # slurmctld's
                    found.append(f"{entry.name} {(entry / 'cmdline').read_bytes().replace(bytes(1), b' ').decode()}")
            except OSError:
                continue
        return found

    def close(self) -> None:
        if len(self.daemons) > 1:
            self.run("scancel", "--full", "-u", "root")
            deadline = time.monotonic() + 10
            while self.processes() and time.monotonic() < deadline:
                time.sleep(0.1)
        for one in self.processes():
            os.kill(int(one.split()[0]), signal.SIGKILL)
        for daemon in reversed(self.daemons):
            daemon.terminate()
        for daemon in self.daemons:
            try:
                daemon.wait(10)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        shutil.rmtree(self.here, ignore_errors=True)

    def __exit__(self, *ignored: object) -> None:
        self.close()
