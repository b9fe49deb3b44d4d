"""podman for these tests: a store of their own, and a base image made by debootstrap, since no registry may be within reach.

    test/containers/engine.py COMMAND...        runs a command (bash, podman images) that finds them by its environment

What is here only because this machine needs it: containers are started by runc with limits as below (crun asks for more than is
allowed here), and buildah runs its commands in a chroot. A machine of your own needs none of it: no page of the manual says so.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).resolve().parents[2]
CACHE = Path(os.environ.get("CHARIOT_CONTAINERS_DIR", "/var/tmp/chariot-containers"))  # the base's tarball
BASE = "docker.io/library/debian:12-slim"  # as deploy/Containerfile names it
TOOLS = ("debootstrap", "podman", "buildah", "runc")
CONTAINERS_CONF = """[containers]
default_ulimits = ["nofile=1024:1024", "nproc=1000:1000"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_config_dir = "{path}/networks"
"""
STORAGE_CONF = """[storage]
driver = "{driver}"
graphroot = "{path}/store"
runroot = "{path}/run"
"""


def missing() -> str:
    """Why there are no containers here; empty: there are."""
    if os.geteuid() != 0:
        return "needs root"
    lacks = [tool for tool in TOOLS if shutil.which(tool) is None]
    return f"needs {', '.join(lacks)}" if lacks else ""


def base_tarball() -> Path:
    """A minimal Debian 12, and how this machine reaches packages: certificates of its own, pip's settings. Made once."""
    tarball = CACHE / "base.tar"
    if tarball.exists():
        return tarball
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as made:
        root = Path(made) / "root"
        with open(CACHE / "debootstrap.log", "w") as log:
            subprocess.run(["debootstrap", "--variant=minbase", "bookworm", root], stdout=log, stderr=log, check=True)
        for path in map(Path, ("/usr/local/share/ca-certificates", "/etc/ssl/certs/ca-certificates.crt", "/etc/pip.conf")):
            to = root / path.relative_to("/")
            to.parent.mkdir(parents=True, exist_ok=True)
            if path.is_dir():
                shutil.copytree(path, to, dirs_exist_ok=True)
            elif path.exists():
                shutil.copy(path.resolve(), to)
        for path in [*(root / "var/cache/apt/archives").glob("*.deb"), *(root / "var/lib/apt/lists").glob("*_*")]:
            path.unlink()
        subprocess.run(["tar", "-C", root, "-cf", Path(made) / "base.tar", "."], check=True)
        (Path(made) / "base.tar").rename(tarball)
    return tarball


class Engine:
    """podman with a store of its own, which goes when this does, unless $CHARIOT_CONTAINERS_STORE names one to keep."""

    def __init__(self) -> None:
        CACHE.mkdir(parents=True, exist_ok=True)
        kept = os.environ.get("CHARIOT_CONTAINERS_STORE")
        self.keep = kept is not None
        self.path = Path(kept or tempfile.mkdtemp(prefix="store.", dir=CACHE))
        self.path.mkdir(exist_ok=True)
        (self.path / "containers.conf").write_text(CONTAINERS_CONF.format(path=self.path))
        self.env = {name: value for name, value in os.environ.items() if not name.startswith("CHARIOT_")} | {
            "CONTAINERS_CONF": str(self.path / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(self.path / "storage.conf"),
            "BUILDAH_ISOLATION": "chroot",
        }
        self.choose_driver()
        if self.podman("image", "exists", BASE, check=False).returncode != 0:
            self.podman("import", base_tarball(), BASE)

    def choose_driver(self) -> None:
        for driver in ("overlay", "vfs"):  # vfs copies whole layers
            (self.path / "storage.conf").write_text(STORAGE_CONF.format(driver=driver, path=self.path))
            if self.run("podman", "info", check=False).returncode == 0:
                return
        raise RuntimeError("podman has no storage driver that works here")

    def run(self, *words: object, check: bool = True, timeout: float = 600, **more: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            list(map(str, words)), cwd=ROOT, env=self.env | more, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout
        )
        assert not check or done.returncode == 0, f"{words}: status {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def podman(self, *words: object, check: bool = True, timeout: float = 600) -> subprocess.CompletedProcess[str]:
        return self.run("podman", *words, check=check, timeout=timeout)

    def start(self, *words: object) -> subprocess.Popen[str]:
        out = subprocess.PIPE
        return subprocess.Popen(
            list(map(str, words)), cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, text=True
        )

    def close(self) -> None:
        self.podman("pod", "rm", "--all", "--force", "--time", 0, check=False)
        self.podman("rm", "--all", "--force", "--time", 0, check=False)
        self.podman("secret", "rm", "--all", check=False)
        self.podman("network", "prune", "--force", check=False)
        if self.keep:
            return
        subprocess.run(["umount", "--lazy", self.path / "store/overlay"], stderr=subprocess.DEVNULL)
        shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def main() -> int:
    with Engine() as engine:
        return subprocess.run(sys.argv[1:] or ["bash"], cwd=ROOT, env=engine.env).returncode


if __name__ == "__main__":
    sys.exit(main())
