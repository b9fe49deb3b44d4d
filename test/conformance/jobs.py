"""Runs a program text as a job. Programs check themselves; a failed assertion on any PE ends the job with a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def launcher() -> list[str]:
    beside_python = Path(sys.executable).parent / "chariot"
    return [str(beside_python if beside_python.exists() else ROOT / "build/release/bin/chariot"), "run"]


def run_job(tmp_path: Path, source: str, pes: int, timeout: int = 100) -> subprocess.CompletedProcess[str]:
    program = tmp_path / "program.py"
    program.write_text(textwrap.dedent(source))
    env = dict(os.environ, PYTHONPATH=os.pathsep.join([str(ROOT / "python"), os.environ.get("PYTHONPATH", "")]))
    command = [*launcher(), "-n", str(pes), str(program)]
    return subprocess.run(command, capture_output=True, text=True, timeout=timeout, cwd=tmp_path, env=env)


def check_job(tmp_path: Path, source: str, pes: int, timeout: int = 100) -> str:
    done = run_job(tmp_path, source, pes, timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("all is well"), done.stdout + done.stderr
    return done.stdout
