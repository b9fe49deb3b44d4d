"""Counts instructions per operation with callgrind, and compares them with those of instr.json.

    .venv/bin/python test/bench/instr.py [--only REGEX] [--accept] [--profile KEY]

Instructions do not depend on what else the machine does: what grew by more than 5 % was made longer by somebody (10 % for
sends and the pool, whose batches end now here, now there). The programs (instr_local.py, instr_remote.py, c/instr.c) print "phase KEY
COUNT" for each stretch of work, and call getpgid(2) before and behind it, where callgrind writes down what it has counted;
two stretches of different length make one figure, so that start and end cancel. --accept writes the figures to instr.json;
--profile shows the functions of one operation.
The status is 1 if something grew, or was not measured.
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
REFERENCE = ROOT / "test/bench/instr.json"
RESULT = ROOT / "build/bench/instr.json"
GROWTH, GROWTH_OF_BATCHES = 1.05, 1.1
TIMEOUT_S = 300
VALGRIND = (
    "valgrind", "--quiet", "--tool=callgrind", "--dump-before=getpgid", "--compress-strings=no", "--compress-pos=no"
)  # fmt: skip
RECEIVING = ("on_message_take", "obj_call_on_message")  # from the transport to the run queue; from there to the method

TEXT = {
    "c.call": "C, call on one PE",
    "c.call.awaited": "C, call on one PE, awaited",
    "c.remote": "C, call of another PE, both sides, simulated network",
    "c.migrate": "C, an element with 1 KiB moves, both sides, the same",
    "call": "call without result",
    "call.coro": "@coro method without result",
    "call.async": "async def method without result",
    "call.when": "@when method whose condition holds",
    "call.awaited": "call with ret=True, get()",
    "call.exception": "the same, of a method that raises",
    "future": "a future made, sent to, read",
    "future.coro": "a @coro suspends on a future and resumes",
    "future.async": "an async def does",
    "spawn": "a @coro begins, suspends, resumes, ends",
    "spawn.many": "the same, 500 at once",
    "channel": "round trip in a channel of two local chares",
    "pool.map": "a task of pool.map",
    "pool.task": "pool.Task(ret=True).get()",
    "array.awaited": "an element's part of an awaited broadcast",
    "array.ret": "an element's part of one with ret=True",
    "array.allreduce": "an element's part of a coroutine's allreduce",
    "send.none": "call of another PE, no argument: sending",
    "send.int": "the same, an int",
    "send.numpy": "the same, 1 KiB numpy",
    "receive.none": "call from another PE, no argument: receiving",
    "receive.int": "the same, an int",
    "receive.numpy": "the same, 1 KiB numpy",
}


# ---------------------------------------------------------------- what callgrind wrote


@dataclass
class Profile:
    """One stretch between two marks: instructions by function, its own; and with what it calls, for callees."""

    total: int
    own: collections.Counter[str]
    inclusive: collections.Counter[str]


def read(path: Path) -> Profile:
    own: collections.Counter[str] = collections.Counter()
    inclusive: collections.Counter[str] = collections.Counter()
    function = callee = ""
    in_call = False
    for line in path.read_text(errors="replace").splitlines():
        if line.startswith("fn="):
            function = line[3:]
        elif line.startswith("cfn="):
            callee = line[4:]
        elif line.startswith("calls="):
            in_call = True
        elif line[:1].isdigit():
            count = int(line.split()[1])
            if in_call:
                inclusive[callee] += count
            else:
                own[function] += count
            in_call = False
    return Profile(sum(own.values()), own, inclusive)


@dataclass(frozen=True)
class Phase:
    key: str
    count: int
    profile: Profile


def phases(said: str, dumps: Path) -> list[Phase]:
    """One per printed line: its work lies behind the mark before, so every dump but the first and those in between."""
    found = []
    at = 0
    for line in said.splitlines():
        match = re.fullmatch(r"phase (\S+) (\d+)", line)
        if not match:
            continue
        at += 1 if match[1].startswith("receive.") or match[1] == "before" else 2
        found.append(Phase(match[1], int(match[2]), read(Path(f"{dumps}.{at}"))))
    return found


# ---------------------------------------------------------------- running


def run(command: list[str], extra: dict[str, str] | None = None) -> str:
    env = os.environ | {"PYTHONHASHSEED": "0", "CHARIOT_QUIET": "1"} | (extra or {})
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, timeout=TIMEOUT_S, stdin=subprocess.DEVNULL
    )
    if done.returncode != 0:
        sys.exit(f"instr: {' '.join(command)}: status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


def single(*command: str) -> list[Phase]:
    with tempfile.TemporaryDirectory() as directory:
        dumps = Path(directory) / "dump"
        return phases(run([*VALGRIND, f"--callgrind-out-file={dumps}", *command]), dumps)


def job() -> list[Phase]:
    """instr_remote.py on two PEs, each under callgrind: the interpreter that the launcher starts is a script."""
    with tempfile.TemporaryDirectory() as directory:
        python = Path(directory) / "python"
        flags = " ".join(VALGRIND)
        python.write_text(f'#!/bin/sh\nexec {flags} --callgrind-out-file={directory}/%p {sys.executable} "$@"\n')
        python.chmod(0o755)
        command = [".venv/bin/chariot", "run", "--tag", "-n", "2", "test/bench/instr_remote.py"]
        said = run(command, {"CHARIOT_PYTHON": str(python)})
        pids = dict(re.findall(r"\[(\d)\] pid (\d+)", said))
        return [
            phase
            for pe, pid in pids.items()
            for phase in phases("\n".join(re.findall(rf"\[{pe}\] (phase .*)", said)), Path(directory) / pid)
        ]


# ---------------------------------------------------------------- figures


def figures(measured: list[Phase]) -> dict[str, float]:
    result: dict[str, float] = {}
    by_key: dict[str, list[Phase]] = {}
    for phase in measured:
        by_key.setdefault(phase.key, []).append(phase)
    for key, found in by_key.items():
        if key.startswith("receive."):
            inclusive = found[0].profile.inclusive
            result[key] = sum(inclusive[name] for name in RECEIVING) / found[0].count
        elif len(found) == 2:
            less, more = found
            result[key] = (more.profile.total - less.profile.total) / (more.count - less.count)
    return result


def print_profile(measured: list[Phase], key: str) -> None:
    less, more = (phase for phase in measured if phase.key == key)
    own = more.profile.own.copy()
    own.subtract(less.profile.own)
    for name, count in own.most_common(50):
        print(f"{count / (more.count - less.count):9.1f}  {name}")


def tools() -> dict[str, str]:
    """What else decides how many instructions there are."""
    compiler = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True).stdout.strip()
    return {"python": platform.python_version(), "gcc": compiler, "machine": platform.machine()}


def grew(key: str, value: float, before: float | None) -> bool:
    return before is not None and value > before * (GROWTH_OF_BATCHES if key.startswith(("send.", "pool.")) else GROWTH)


def print_table(result: dict[str, float], reference: dict[str, int]) -> None:
    print(f"{'instructions of':<55} {'now':>8} {'before':>8}")
    for key, value in result.items():
        before = reference.get(key)
        beside = f"{before:>8.0f} {100 * (value / before - 1):>+6.1f} %" if before else f"{'new':>8}"
        print(f"{TEXT[key]:<55} {value:>8.0f} {beside}{'  GREW' if grew(key, value, before) else ''}")


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="", help="regular expression: programs (c, local, remote)")
    parser.add_argument("--accept", action="store_true", help="these are the figures to compare with from now on")
    parser.add_argument("--profile", metavar="KEY", help="functions of this operation of the local program")
    options = parser.parse_args()
    local = [sys.executable, "test/bench/instr_local.py"]
    if options.profile:
        print_profile(single(*local), options.profile)
        return 0
    programs = {"c": lambda: single("build/release/bench/instr"), "local": lambda: single(*local), "remote": job}
    measured = [phase for name, program in programs.items() if re.search(options.only, name) for phase in program()]
    result = figures(measured)
    stored: Any = json.loads(REFERENCE.read_text()) if REFERENCE.exists() else {"tools": tools(), "instructions": {}}
    reference: dict[str, int] = stored["instructions"]
    print_table(result, reference)
    rounded = {key: round(value) for key, value in result.items()}
    report: dict[str, dict[str, str] | dict[str, int]] = {"tools": tools(), "instructions": rounded}
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=2) + "\n")
    if options.accept:
        report["instructions"] = reference | rounded
        REFERENCE.write_text(json.dumps(report, indent=2) + "\n")
        return 0
    if stored["tools"] != tools():
        print(f"figures before are of {stored['tools']}, these of {tools()}: not compared")
        return 0
    return 1 if any(grew(key, value, reference.get(key)) for key, value in result.items()) else 0


if __name__ == "__main__":
    sys.exit(main())
