"""A live grid: examples/clients/grid.py as a job of four PEs, which serves with TLS to clients that have tokens."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from harness import CHARIOT, ROOT, Job

TOKENS = {"all": ("f00d" * 8, "*"), "narrow": ("beef" * 8, "grid.get")}
PES = 4
JOB_S = 600  # for the slowest client


class Grid(NamedTuple):
    """What a client is told: where the job serves, and files with the authority's certificate and the two tokens."""

    address: str
    authority: Path
    token: Path
    narrow: Path

    def words(self) -> list[str]:
        return [self.address, *map(str, (self.authority, self.token, self.narrow))]


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """One that is its own authority, as rustls and Java want it: a CA may not be a server's certificate for all."""
    authority, authority_key = directory / "authority.pem", directory / "authority-key.pem"
    certificate, key, request = directory / "cert.pem", directory / "key.pem", directory / "request.pem"
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "30"]
    extensions = directory / "extensions"
    extensions.write_text("subjectAltName=DNS:localhost,IP:127.0.0.1\nbasicConstraints=CA:FALSE\nextendedKeyUsage=serverAuth\n")
    commands: list[list[str | Path]] = [
        [*new, "-x509", "-keyout", authority_key, "-out", authority, "-subj", "/CN=test authority"],
        [*new, "-keyout", key, "-out", request, "-subj", "/CN=localhost"],
        ["openssl", "x509", "-req", "-in", request, "-CA", authority, "-CAkey", authority_key, "-CAcreateserial", "-days", "30",
         "-extfile", extensions, "-out", certificate],
    ]  # fmt: skip
    for command in commands:
        subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def write_secret(path: Path, text: str) -> Path:
    path.touch(mode=0o600)
    path.write_text(text)
    return path


@contextmanager
def live_grid(pes: int = PES) -> Iterator[Grid]:
    """Ends it behind the test; nothing of it may be left then."""
    with tempfile.TemporaryDirectory(prefix="cl") as name:
        directory = Path(name)
        certificate, key = make_certificate(directory)
        clients = "".join(f"{who} {token} {scope}\n" for who, (token, scope) in TOKENS.items())
        command: list[str | Path] = [CHARIOT, "run", "-n", str(pes), ROOT / "examples/clients/grid.py", "--certificate", certificate]
        command += ["--traces", "--key", key, "--clients", write_secret(directory / "clients", clients)]
        tokens = [write_secret(directory / who, f"{token}\n") for who, (token, _) in TOKENS.items()]
        job = Job(command, directory, JOB_S)
        try:
            job.wait_for("serving at ")
            address = next(line.split()[2] for line in job.out if line.startswith("serving at "))
            yield Grid(address, directory / "authority.pem", *tokens)
            assert job.child.poll() is None, f"the job has ended: {''.join(job.out + job.err)}"
            job.child.send_signal(signal.SIGTERM)
            assert "Traceback" not in job.finish().said
        finally:
            job.kill()
