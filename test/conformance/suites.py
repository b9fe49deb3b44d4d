"""Suites of these tests that other places run whole, unchanged: hosts by ssh, containers, Slurm, members that meet in an etcd
(test/cluster, test/containers). Where their jobs run is said by CHARIOT_TEST_RUN_ARGS, or by a `chariot` of one's own (CHARIOT_TEST_BIN)."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
SUITES = {
    "sections": ["test_contract_sections.py", "test_contract_section_uses.py", "test_section_programs.py"],
    "migration": ["test_contract_migration.py"],
    "pool": ["test_contract_pool.py"],
    "heat": ["test_examples.py", "-k", "heat and not every_transport"],
}


def chariot_of_ones_own(directory: Path, launch: str) -> dict[str, str]:
    """The environment in which the tests call this as `chariot run -n PES ...`: bash, with the words after `run` in "$@" and
    their number of PEs in $pes. What is no job is the checkout's."""
    real = ROOT / ".venv/bin"
    directory.mkdir(exist_ok=True)
    for name in ("python", "charmrun"):
        (directory / name).write_text(f'#!/bin/sh\nexec {real}/{name} "$@"\n')
    (directory / "chariot").write_text(
        f'#!/bin/bash\n[ "$1" = run ] || exec {real}/chariot "$@"\nshift\npes=1\n'
        'for ((i = 1; i < $#; i++)); do [ "${!i}" = -n ] && { next=$((i + 1)) pes=${!next}; break; }; done\n' + launch
    )
    for name in ("chariot", "python", "charmrun"):
        (directory / name).chmod(0o755)
    return {"CHARIOT_TEST_BIN": str(directory)}


def assert_passes(suite: str, env: Mapping[str, str], run: Any = subprocess.run) -> None:
    which = [Path(__file__).with_name(word) if word.endswith(".py") else word for word in SUITES[suite]]
    words = [ROOT / ".venv/bin/python", "-m", "pytest", "-q", "--timeout=120", *which]
    done = run(list(map(str, words)), env=os.environ | env, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    assert done.returncode == 0 and re.search(r"\d+ passed", done.stdout), done.stdout[-4000:] + done.stderr[-2000:]
    assert "skipped" not in done.stdout, done.stdout[-2000:]
