"""Measures Chariot beside mpi4py on Open MPI, Ray and Dask: the same work, in one run, on this machine.

    .venv/bin/python test/bench/peers.py [--rounds N] [--only REGEX] [--keep]

Installs the peers into build/peers the first time. Each program runs in a box (peer_box.py) that has no network but the
loopback and whose processes end with it. Figures go to build/bench/peers/*.json, with --keep to test/bench/results/peers/
too. The status is 0 if every program ran to its end.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import venv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import machine
from results import Results, figures_of
from run import ROOT, run
from stats import Estimate, short

HOME = ROOT / "build/peers"
WANTED = ROOT / "test/bench/peers.txt"
PYTHON, MPIEXEC, CHARIOT = str(HOME / "bin/python"), str(HOME / "bin/mpiexec"), str(ROOT / ".venv/bin/chariot")
BOX = [sys.executable, str(ROOT / "test/bench/peer_box.py")]
RATES = ("k/s",)
PEERS = ("chariot", "mpi4py", "ray", "dask")
ROWS = (  # text, key, unit; a peer that has nothing of the kind prints no such key
    ("round trip, empty method", "round_trip", "us"),
    ("one way, empty method, many at once", "one_way", "k/s"),
    ("round trip, 1 MiB numpy", "array", "us"),
    ("tiny tasks by map", "tasks", "k/s"),
    ("a task with its result, awaited", "task", "us"),
    ("create actors, until they are there", "create", "k/s"),
    ("barrier, 2 processes", "barrier", "us"),
    ("barrier, 4 processes", "4.barrier", "us"),
    ("sum of 1 MiB numpy, 2 processes", "sum", "ms"),
    ("sum of 1 MiB numpy, 4 processes", "4.sum", "ms"),
    ("start, and out again", "start", "ms"),
)


@dataclass(frozen=True)
class Program:
    who: str
    command: tuple[str, ...]


def mpi(count: int) -> tuple[str, ...]:
    root = ("--allow-run-as-root",) if os.geteuid() == 0 else ()
    return (MPIEXEC, *root, "--oversubscribe", "-n", str(count), PYTHON, "test/bench/peer_mpi.py")


def chariot(count: int) -> tuple[str, ...]:
    return (CHARIOT, "run", "-n", str(count), "--quiet", "test/bench/peer_chariot.py")


PROGRAMS = (
    Program("chariot", chariot(2)),
    Program("mpi4py", mpi(2)),
    Program("chariot.4", chariot(4)),
    Program("mpi4py.4", mpi(4)),
    Program("dask", (PYTHON, "test/bench/peer_dask.py")),
    Program("ray", (PYTHON, "test/bench/peer_ray.py")),
)


def install() -> None:
    """Once, and again when what is wanted changes."""
    stamp = HOME / ".installed"
    if stamp.exists() and stamp.read_text() == WANTED.read_text():
        return
    print(f"installing {', '.join(PEERS[1:])} into {HOME.relative_to(ROOT)}", file=sys.stderr, flush=True)
    venv.create(HOME, clear=True, with_pip=True)
    pip = [PYTHON, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-r", str(WANTED)]
    if (wrong := run(pip, timeout_s=1200)[2]) != "":
        sys.exit(f"bench-peers: {wrong}")
    stamp.write_text(WANTED.read_text())


def one_round(programs: list[Program], results: Results) -> None:
    figures: dict[str, float] = {}
    for program in programs:
        with tempfile.TemporaryDirectory(prefix="peers-", dir="/tmp") as place:  # short: paths of sockets lie in it
            env = os.environ | {"TMPDIR": place, "RAY_USAGE_STATS_ENABLED": "0"}
            said, _, wrong = run([*BOX, *program.command, program.who], env, timeout_s=180)
            figures.update(figures_of("\n".join(line for line in said.splitlines() if line.startswith(program.who))))
            _, ms, wrong_start = run([*BOX, *program.command, program.who], env | {"PEER_EMPTY": "1"}, timeout_s=180)
        if wrong or wrong_start:
            results.failures[program.who] = wrong or wrong_start
        else:
            figures[f"{program.who}.start"] = ms
    results.add_round(figures)


def ahead(ours: Estimate | None, theirs: Estimate | None, rate: bool) -> float | None:
    """How many times as good Chariot is."""
    if ours is None or theirs is None or not ours.median or not theirs.median:
        return None
    return ours.median / theirs.median if rate else theirs.median / ours.median


def cell(found: Estimate | None, times: float | None) -> str:
    if found is None:
        return ""
    return f"{short(found.median)} ({short(found.low)}..{short(found.high)})" + (f" x{short(times)}" if times else "")


def lines(results: Results) -> Iterator[str]:
    about = results.machine
    yield f"{about['cpu']}, {about['cores']} cores, load {about['load_before']:.1f} before, commit {about['commit']}"
    yield "median of the rounds (error bar), and how many times as good Chariot is; an empty cell: has no such thing\n"
    yield f"{'':<46}" + "".join(f"{peer:<36}" for peer in PEERS)
    for text, key, unit in ROWS:
        found = {peer: results.estimate(f"{peer}.{key}") for peer in PEERS}
        if any(found.values()):
            times = {peer: ahead(found["chariot"], found[peer], unit in RATES) for peer in PEERS[1:]}
            cells = "".join(f"{cell(found[peer], times.get(peer)):<36}" for peer in PEERS)
            yield f"  {text:<38} {unit:<4} {cells}".rstrip()


def write(results: Results, keep: bool) -> Path:
    name = f"{results.machine['time'].replace(':', '').replace('-', '')}-{results.machine['commit']}.json"
    folders = [ROOT / "build/bench/peers"] + ([ROOT / "test/bench/results/peers"] if keep else [])
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(results.as_json())
    return (folders[-1] / name).relative_to(ROOT)


def main() -> int:
    parser = argparse.ArgumentParser(description="Measures Chariot beside mpi4py, Ray and Dask.")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--only", default="", help="only programs whose name matches this regular expression")
    parser.add_argument("--keep", action="store_true", help="write the results to test/bench/results/ too")
    options = parser.parse_args()
    if (refused := run([*BOX, "true"])[2]) != "":
        sys.exit(
            f"bench-peers: needs namespaces (root, or user namespaces), since Ray listens on every address: {refused}"
        )
    install()
    results = Results(
        machine.describe(ROOT), "", units={f"{peer}.{key}": unit for _, key, unit in ROWS for peer in PEERS}
    )
    for number in range(max(options.rounds, 1)):
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr, flush=True)
        one_round([program for program in PROGRAMS if re.search(options.only, program.who)], results)
    for line in lines(results):
        print(line)
    print(f"\nall figures: {write(results, options.keep)}")
    for program_name, wrong in results.failures.items():
        print(f"failed: {program_name}: {wrong}")
    return 1 if results.failures else 0


if __name__ == "__main__":
    sys.exit(main())
