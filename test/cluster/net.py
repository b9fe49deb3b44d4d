"""Hosts made of namespaces, on a switch that can be told to lose packets: what test/cluster/ runs jobs on.

    with Net(4) as net:                     # hosts h1 ... h4, and `login`, where launchers run
        net.run([chariot, "run", "--hosts", "h1:2,h2:2", *net.remote_shell(), "prog.py"])
        net.cut("h1", "h2")                 # what h1 sends to h2 is lost; net.mend()
        net.host("h3").kill()               # its power is off

    test/cluster/net.py [-n HOSTS] COMMAND...   runs a command on `login`, CHARIOT_TEST_RUN_ARGS naming the hosts

A host has network, process, mount and host-name namespaces of its own, a /tmp and a /run of its own, an address of
each kind on the bridge, and sshd, which lets in the one key of this net. The bridge stands in a network namespace too.
Nothing has a name that the machine can see but one directory in /var/tmp: when the process that made the net dies,
however it dies, its hosts die with it (PR_SET_PDEATHSIG of their first processes), and with them go links, tables and
sockets; the next net removes the directory. It needs root.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CHARIOT = ROOT / "build/release/bin/chariot"
DIRECTORIES = Path("/var/tmp")
PREFIX = "chariot-net-"
READY_S = 30.0
COMMANDS = {"ip": "iproute2", "tc": "iproute2", "nft": "nftables", "/usr/sbin/sshd": "openssh-server", "ssh": "openssh-client"}
SYSTEM_PATH = "/usr/local/sbin:/usr/sbin:/sbin:" + os.environ.get("PATH", "/usr/bin:/bin")

# The first process of a host: sets the place up, starts sshd, and then does nothing but reap (SIGCHLD is ignored).
FIRST = """
set -e
hostname "$1"
mount --make-rprivate /
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/sshd
mount --bind "$2/hosts" /etc/hosts
/usr/sbin/sshd -f "$2/sshd_config" -h "$2/host_key" -E "$2/$1.log"
exec env --ignore-signal=CHLD sleep infinity
"""

SSHD = """\
Port 22
PidFile none
UsePAM no
PermitRootLogin yes
StrictModes no
PasswordAuthentication no
KbdInteractiveAuthentication no
AuthorizedKeysFile {path}/key.pub
MaxStartups 100
PrintMotd no
UseDNS no
SetEnv HOME=/tmp
Subsystem sftp internal-sftp
"""

SSH = """\
Host *
    User root
    IdentityFile {path}/key
    IdentitiesOnly yes
    UserKnownHostsFile {path}/known_hosts
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
    HostKeyAlias chariot-net
    BatchMode yes
    ConnectTimeout 8
    ServerAliveInterval 2
    ServerAliveCountMax 2
"""


class NetError(Exception):
    """What this machine cannot do; its text says why a test is skipped."""


def missing() -> str | None:
    """Why there can be no net here."""
    if os.geteuid() != 0:
        return "root is needed for namespaces"
    for command, package in COMMANDS.items():
        if shutil.which(command, path=SYSTEM_PATH) is None:
            return f"{command} is missing (Debian package {package})"
    probe = ["unshare", "--net", "--pid", "--mount", "--uts", "--fork", "true"]
    done = subprocess.run(probe, capture_output=True, text=True, check=False)
    return f"no namespaces to be had: {done.stderr.strip()}" if done.returncode != 0 else None


def system(*words: str | Path, given: str | None = None) -> str:
    done = subprocess.run([str(word) for word in words], input=given, capture_output=True, text=True, check=False,
                          env=os.environ | {"PATH": SYSTEM_PATH})  # fmt: skip
    if done.returncode != 0:
        raise NetError(f"{shlex.join(map(str, words))}: {(done.stderr or done.stdout).strip()}")
    return done.stdout


def die_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Space:
    """Namespaces, and the first process in them, by whose number others enter."""

    kinds: tuple[str, ...] = ("--net", "--mount", "--uts")

    def __init__(self, net: Net, name: str) -> None:
        self.net = net
        self.name = name
        self.first = 0
        self.child: subprocess.Popen[bytes] | None = None

    def open(self, script: str, *words: str | Path) -> None:
        command = ["unshare", *self.kinds, "--fork", "--kill-child", "sh", "-c", script, self.name, *map(str, words)]
        with self.log.open("ab") as log:
            self.child = subprocess.Popen(command, preexec_fn=die_with_parent, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=log, start_new_session=True, env=os.environ | {"PATH": SYSTEM_PATH})  # fmt: skip
        until = time.monotonic() + READY_S
        path = Path(f"/proc/{self.child.pid}/task/{self.child.pid}/children")
        while not (words_ := path.read_text().split()):
            if self.child.poll() is not None or time.monotonic() > until:
                raise NetError(f"{self.name}: no namespaces: {self.log.read_text()}")
            time.sleep(0.005)
        self.first = int(words_[0])

    @property
    def log(self) -> Path:
        return self.net.path / f"{self.name}.log"

    def enter(self) -> list[str]:
        flags = ["--net", "--mount", "--uts"] + (["--pid"] if "--pid" in self.kinds else [])
        return ["nsenter", f"--target={self.first}", *flags, "--wdns=" + os.getcwd()]

    def system(self, *words: str, given: str | None = None) -> str:
        return system("nsenter", f"--target={self.first}", "--net", *words, given=given)

    def close(self) -> None:
        if self.child is None:
            return
        try:
            os.kill(self.first, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.child.wait()
        self.child = None


class Host(Space):
    """A machine with sshd. (`login` is one without processes of its own: a shell's.)"""

    kinds = ("--net", "--mount", "--uts", "--pid", "--mount-proc")

    def __init__(self, net: Net, number: int) -> None:
        super().__init__(net, f"h{number}")
        self.number = number
        self.mac = f"02:00:00:00:00:{number:02x}"  # the same when it comes back: its neighbours need not ask
        self.address = f"10.77.0.{number}"
        self.address6 = f"fd77::{number:x}"

    def start(self) -> None:
        self.open(FIRST, self.name, self.net.path)
        self.net.plug(self)

    def processes(self) -> dict[int, str]:
        """What runs there besides what always does, by numbers that this machine has for them."""
        found = {}
        namespace = os.readlink(f"/proc/{self.first}/ns/pid") if self.child is not None else ""
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(path / "ns/pid") != namespace:
                    continue
                words = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
                if words and words != "sleep infinity" and "[listener]" not in words:
                    found[int(path.name)] = words
            except OSError:
                pass  # gone meanwhile
        return found

    def files(self) -> list[str]:
        """What lies in its /tmp."""
        return sorted(os.listdir(f"/proc/{self.first}/root/tmp")) if self.child is not None else []

    def kill(self) -> None:
        """All its processes end at once and say nothing to anyone: the network is cut first."""
        self.net.cut(self.name)
        self.net.cut(None, self.name)
        self.close()

    def end_processes(self) -> None:
        """All but sshd's listener end at once; the kernel lives on and resets their connections."""
        for number in self.processes():
            try:
                os.kill(number, signal.SIGKILL)
            except ProcessLookupError:
                pass


class Login(Space):
    """Where launchers run: this machine's processes and files, the net's network."""

    def __init__(self, net: Net) -> None:
        super().__init__(net, "login")
        self.address, self.address6, self.mac = "10.77.0.254", "fd77::fe", "02:00:00:00:00:fe"

    def start(self) -> None:
        bind = 'hostname login; mount --make-rprivate /; mount --bind "$1/hosts" /etc/hosts; exec sleep infinity'
        self.open(bind, self.net.path)
        self.net.plug(self)


class Net:
    """A switch, `login`, and so many hosts."""

    def __init__(self, hosts: int) -> None:
        self.path = Path()
        self.switch = Space(self, "switch")
        self.switch.kinds = ("--net",)
        self.login = Login(self)
        self.hosts = [Host(self, number + 1) for number in range(hosts)]
        self.places: list[Host | Login] = [self.login, *self.hosts]

    def __enter__(self) -> Net:
        if why := missing():
            raise NetError(why)
        sweep()
        self.path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=DIRECTORIES))
        self.path.chmod(0o755)
        try:
            self.make_keys()
            self.switch.open("exec sleep infinity")
            self.switch.system("ip", "link", "add", "name", "bridge", "type", "bridge")
            self.switch.system("ip", "link", "set", "dev", "bridge", "up")
            self.switch.system("nft", "-f", "-", given="add table bridge cut\nadd chain bridge cut f "
                               "{ type filter hook forward priority 0; }\n")  # fmt: skip
            for one in self.places:
                one.start()
            self.wait_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for one in (*self.hosts, self.login, self.switch):
            one.close()
        shutil.rmtree(self.path, ignore_errors=True)

    def make_keys(self) -> None:
        for name in ("key", "host_key"):
            system("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", self.path / name)
        (self.path / "known_hosts").write_text("chariot-net " + (self.path / "host_key.pub").read_text())
        (self.path / "sshd_config").write_text(SSHD.format(path=self.path))
        (self.path / "ssh_config").write_text(SSH.format(path=self.path))
        names = [f"{one.address} {one.name}\n{one.address6} {one.name} {one.name}-6\n" for one in self.places]
        (self.path / "hosts").write_text("127.0.0.1 localhost\n::1 localhost\n" + "".join(names))
        for script in ("ssh", "ssh6"):
            path = self.path / script
            path.write_text(f'#!/bin/sh\nexec /usr/bin/ssh {"-6" if script == "ssh6" else "-4"} -T -F {self.path}/ssh_config "$@"\n')
            path.chmod(0o755)

    def plug(self, one: Host | Login) -> None:
        """A cable between a host and the switch."""
        enter = ("nsenter", f"--target={one.first}", "--net")
        self.switch.system("ip", "link", "add", "name", one.name, "type", "veth", "peer", "name", "eth0",
                           "address", one.mac, "netns", str(one.first))  # fmt: skip
        self.switch.system("ip", "link", "set", one.name, "master", "bridge", "up")
        commands = (f"link set lo up\nlink set eth0 up\naddr add {one.address}/24 dev eth0\n"
                    f"addr add {one.address6}/64 dev eth0 nodad\n")  # fmt: skip
        system(*enter, "ip", "-batch", "-", given=commands)

    def wait_ready(self) -> None:
        until = time.monotonic() + READY_S
        for host in self.hosts:
            while self.run([self.path / "ssh", host.name, "true"], capture_output=True).returncode != 0:
                if time.monotonic() > until:
                    raise NetError(f"sshd on {host.name} lets nobody in: {host.log.read_text()}")
                time.sleep(0.05)

    # ------------------------------------------------------------ what runs there

    def host(self, name: str) -> Host:
        return next(host for host in self.hosts if host.name == name)

    def remote_shell(self, ipv6: bool = False) -> list[str]:
        return ["--remote-shell", str(self.path / ("ssh6" if ipv6 else "ssh"))]

    def hosts_list(self, pes: int | None = None) -> str:
        return ",".join(host.name if pes is None else f"{host.name}:{pes}" for host in self.hosts)

    def command(self, words: Sequence[object], on: str = "login") -> list[str]:
        """Those words, to be run there from the present directory."""
        space: Space = self.login if on == "login" else self.host(on)
        return [*space.enter(), *map(str, words)]

    def run(self, words: Sequence[object], on: str = "login", **how: object) -> subprocess.CompletedProcess[str]:
        how = {"text": True, "stdin": subprocess.DEVNULL, "check": False} | how
        return subprocess.run(self.command(words, on), **how)  # type: ignore[call-overload,no-any-return]

    def left(self) -> list[str]:
        """Processes and files of jobs that are on hosts still."""
        found = [f"{host.name}: {number} {words}" for host in self.hosts for number, words in host.processes().items()]
        return found + [f"{host.name}: /tmp/{name}" for host in self.hosts for name in host.files()]

    # ------------------------------------------------------------ what goes wrong

    def cut(self, source: str | None = None, target: str | None = None) -> None:
        """What goes from one to the other is lost; None: from, or to, anyone."""
        where = (f"iifname {source} " if source else "") + (f"oifname {target} " if target else "")
        self.switch.system("nft", "-f", "-", given=f"add rule bridge cut f {where}drop\n")

    def mend(self) -> None:
        self.switch.system("nft", "flush", "chain", "bridge", "cut", "f")

    def slow(self, name: str, kbit: int) -> None:
        """So much goes to this host, and from it, in a second."""
        shape = ("root", "tbf", "rate", f"{kbit}kbit", "burst", "16kb", "latency", "500ms")
        self.switch.system("tc", "qdisc", "replace", "dev", name, *shape)
        self.host(name).system("tc", "qdisc", "replace", "dev", "eth0", *shape)

    def hurry(self, name: str) -> None:
        self.switch.system("tc", "qdisc", "del", "dev", name, "root")
        self.host(name).system("tc", "qdisc", "del", "dev", "eth0", "root")

    def repair(self) -> None:
        """All hosts are there again, and nothing is lost or slow."""
        self.mend()
        for host in self.hosts:
            if host.child is None:
                self.unplug(host)
                host.start()
        self.wait_ready()

    def unplug(self, host: Host) -> None:
        """The cable of a host that is gone goes a moment after it; its name is wanted for another."""
        try:
            self.switch.system("ip", "link", "del", host.name)
        except NetError:
            pass


def sweep() -> None:
    """Directories of nets whose process is gone."""
    for path in DIRECTORIES.glob(PREFIX + "*"):
        owner = path.name[len(PREFIX) :].split("-")[0]
        if owner.isdigit() and not Path(f"/proc/{owner}").exists():
            shutil.rmtree(path, ignore_errors=True)


def environment(net: Net, pes_per_host: int | None = None) -> Mapping[str, str]:
    """What makes the conformance tests' `chariot run` run on these hosts (test/conformance/harness.py)."""
    arguments = ["--hosts", net.hosts_list(pes_per_host), *net.remote_shell()]
    shared = net.path / "s"
    shared.mkdir(exist_ok=True)
    return {"CHARIOT_TEST_RUN_ARGS": shlex.join(arguments), "TMPDIR": str(shared)}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-n", type=int, default=2, help="hosts; 2 if not given")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    args = parser.parse_args()
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(1))
    try:
        with Net(args.n) as net:
            return net.run(args.command or ["bash"], env=os.environ | environment(net), stdin=None).returncode
    except NetError as error:
        print(f"net.py: {error}", file=sys.stderr)
        return 77


if __name__ == "__main__":
    sys.exit(main())
