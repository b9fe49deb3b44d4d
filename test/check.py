"""Runs the tests, a part at a time, and counts. Usage: check.py [--mode MODE] [PART...]; no PART: all of them, each test
once.

A part yields results (name, passed, what it said); its failures are shown whole, its passes are counted. Everything runs
with a mark in the environment and with a TMPDIR of its own, so the last part can tell that nothing is left behind.
The last line is `N passed, N failed`; the status is 0 only if nothing failed and something passed.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
PYTHON = ROOT / ".venv/bin/python"
BUF = ROOT / ".venv/bin/buf"
RELEASED_PROTOS = "test/lint/released"  # see its README
SUITE_TIMEOUT_S = 480  # one C suite; a sanitizer slows it some tenfold
PYTEST_TIMEOUT_S = 120  # one Python test
WORKERS = ("-n", "3", "--dist", "worksteal")  # many tests of jobs wait: for deadlines, for those that are silent
# What holds programs to the contract: api.md row by row, and programs as their users write them.
CONTRACT = ("contract_*", "misuse", "programs", "reductions", "values", "executor", "trace", "interactive", "terminal",
            "notebook")  # fmt: skip
ROOM_OF = {"transport": "rpc", "scenarios": "objects"}  # directories of test/ that belong to a room


class Result(NamedTuple):
    name: str
    passed: bool
    said: str = ""


class Check:
    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.mark = f"CHARIOT_CHECK={os.getpid()}-{time.time_ns()}"
        self.tmp = Path(tempfile.mkdtemp(prefix="chk-", dir="/tmp"))  # short: socket paths end at 107 bytes
        self.shm = set(os.listdir("/dev/shm"))
        name, value = self.mark.split("=")
        drop = ("MAKEFLAGS", "MAKELEVEL", "MFLAGS")
        self.env = {key: text for key, text in os.environ.items() if key not in drop} | {
            name: value,
            "TMPDIR": str(self.tmp),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0:strict_string_checks=1",
            "LSAN_OPTIONS": f"suppressions={ROOT}/test/lsan.supp:print_suppressions=0",
            "UBSAN_OPTIONS": "print_stacktrace=1",
            "TSAN_OPTIONS": f"suppressions={ROOT}/test/tsan.supp:ignore_noninstrumented_modules=1",
        }

    def run(self, name: str, command: list[str | Path], timeout_s: float) -> Result:
        """Runs a command in its own process group, which is killed when the time is up."""
        with tempfile.TemporaryFile("w+", errors="replace", dir=self.tmp) as out:
            child = subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True
            )
            late = ""
            try:
                child.wait(timeout_s)
            except subprocess.TimeoutExpired:
                late = f"\n{name}: no end after {timeout_s:.0f} s, killed\n"
                os.killpg(child.pid, signal.SIGKILL)
                child.wait()
            out.seek(0)
            said = out.read() + late
        if child.returncode < 0 and not late:
            said += f"\n{name}: {signal.Signals(-child.returncode).name}\n"
        return Result(name, child.returncode == 0, said)

    def make(self, *targets: str) -> Result:
        return self.run("make " + " ".join(targets), ["make", "--no-print-directory", *targets], 1800)

    def lint(self) -> Iterator[Result]:
        yield self.make("lib", "launcher", "examples", "benches", "ext")
        lint: list[str | Path] = [PYTHON, "test/lint/lint.py"]
        for rule in ("layers", "globals", "words"):
            yield self.run(f"lint {rule}", [*lint, rule], 60)
        yield self.run("buf lint", [BUF, "lint"], 60)
        yield self.run("buf breaking", [BUF, "breaking", "--against", RELEASED_PROTOS], 60)
        yield self.make("format-check")
        yield self.make("-k", "syntax")
        ours = ("python/**/*.py", "python/**/*.pyi", "test/*.py", "test/lint/*.py")
        yield from self.mypy("package", *(path for pattern in ours for path in ROOT.glob(pattern)))
        yield from self.mypy("typing tests", *ROOT.glob("test/typing/*.py"))
        for directory in sorted({path.parent for path in ROOT.glob("examples/**/*.py")}):  # each has modules of its own
            yield from self.mypy(str(directory.relative_to(ROOT)), *directory.glob("*.py"))
        yield from self.mypy("cluster", *ROOT.glob("test/cluster/*.py"))
        yield from self.mypy("clients", *ROOT.glob("test/clients/*.py"))
        yield from self.mypy("containers", *ROOT.glob("test/containers/*.py"))
        yield from self.mypy("bench", *ROOT.glob("test/bench/*.py"))
        yield from self.pytest("test/lint")

    def mypy(self, name: str, *paths: Path) -> Iterator[Result]:
        yield self.run(f"mypy --strict: {name}", [PYTHON, "-m", "mypy", "--strict", *paths], 300)

    def c_suites(self, room: str) -> Iterator[Result]:
        yield from self.failures_only(self.make("-k", f"MODE={self.mode}", "tests"))
        base = ROOT / f"build/{self.mode}"
        sources = sorted(path.relative_to(ROOT) for path in ROOT.glob("test/**/*_test.c") if room_of(path) == room)
        if not sources:
            yield Result(f"{room}: C suites", False, "there are none\n")
        with ThreadPoolExecutor(2) as pool:
            for result in pool.map(lambda path: self.c_suite(str(path), base / path.with_suffix("")), sources):
                yield from cunit_results(result)

    def c_suite(self, name: str, program: Path) -> Result:
        if not program.exists():
            return Result(name, False, f"{name} was not built\n")
        return self.run(name, [program], SUITE_TIMEOUT_S)

    def pytest(self, *arguments: str) -> Iterator[Result]:
        report = self.tmp / "pytest.xml"
        limit = f"--timeout={PYTEST_TIMEOUT_S}"
        done = self.run("pytest", [PYTHON, "-m", "pytest", "-q", limit, f"--junitxml={report}", *arguments], 1200)
        if not report.exists():
            yield Result("pytest " + " ".join(arguments), False, done.said)
            return
        for case in xml.etree.ElementTree.parse(report).iter("testcase"):
            bad = [child for child in case if child.tag in ("failure", "error")]
            if not any(child.tag == "skipped" for child in case):
                name = f"{case.get('classname', '')}.{case.get('name', '')}"
                yield Result(name, not bad, "".join(child.text or "" for child in bad))

    def lb(self) -> Iterator[Result]:
        yield from self.c_suites("lb")
        yield from self.failures_only(self.make("launcher"))
        yield from self.pytest("test/lb_lab_test.py")

    def python(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all"))
        yield from self.pytest(*WORKERS, "test/conformance")

    def contract(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all"))
        suites = [path for name in CONTRACT for path in sorted(ROOT.glob(f"test/conformance/test_{name}.py"))]
        yield from self.pytest(*WORKERS, *map(str, suites))

    def doors(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all", "doors"))
        yield from self.pytest("test/doors")

    def examples(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all"))
        yield from self.pytest("test/examples_test.py")

    def clients(self) -> Iterator[Result]:
        """Foreign clients whose tools are here anyway; make check-clients has them all."""
        yield from self.failures_only(self.make("all"))
        yield from self.pytest("test/clients")

    def docs(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all"))
        yield from self.pytest("test/docs_test.py", "test/manual_test.py")

    def install(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all"))
        yield from self.pytest("test/install_test.py")

    def bench(self) -> Iterator[Result]:
        yield from self.failures_only(self.make("all", "benches"))
        yield from self.pytest("test/bench/bench_test.py")

    def leftovers(self) -> Iterator[Result]:
        deadline = time.monotonic() + 10  # a job that was killed a moment ago is still being cleaned away
        while (left := marked_processes(self.mark)) and time.monotonic() < deadline:
            time.sleep(0.1)
        yield Result("no process left", not left, "".join(f"{line}\n" for line in left))
        files = [str(path) for path in self.tmp.glob("chariot*")]
        files += [f"/dev/shm/{name}" for name in sorted(set(os.listdir("/dev/shm")) - self.shm) if "chariot" in name]
        yield Result("no file left", not files, "".join(f"{name}\n" for name in files))

    def failures_only(self, result: Result) -> Iterator[Result]:
        if not result.passed:
            yield result

    def rooms(self) -> list[str]:
        """Those that have C suites; rpc and objects must."""
        return sorted({room_of(path) for path in ROOT.glob("test/**/*_test.c")} | {"rpc", "objects"})

    def parts(self) -> dict[str, Callable[[], Iterator[Result]]]:
        return {
            "lint": self.lint,
            **{room: partial(self.c_suites, room) for room in self.rooms()},
            "lb": self.lb,
            "python": self.python,
            "doors": self.doors,
            "examples": self.examples,
            "clients": self.clients,
            "docs": self.docs,
            "install": self.install,
            "bench": self.bench,
            "leftovers": self.leftovers,
        }

    def selections(self) -> dict[str, Callable[[], Iterator[Result]]]:
        """Of parts, to be asked for by name."""
        return {"contract": self.contract}


def room_of(test: Path) -> str:
    top, second = test.relative_to(ROOT / "test").parts[:2]
    return ROOM_OF.get(top, second)


def cunit_results(run: Result) -> Iterator[Result]:
    """One result per test of a CUnit program, which may run several registries; one failure more if it ended early."""
    summaries = re.findall(r"^\s*tests\s+\d+\s+(\d+)\s+(\d+)\s+\d+", run.said, re.M)
    ran, passed = sum(int(ran) for ran, _ in summaries), sum(int(passed) for _, passed in summaries)
    yield from (Result(run.name, True) for _ in range(passed))
    for _ in range(max(ran - passed, 0 if run.passed and ran > 0 else 1)):
        yield Result(run.name, False, run.said if ran else run.said + "no test was run to its end\n")


def marked_processes(mark: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int(path.name) != os.getpid() and mark.encode() in (path / "environ").read_bytes().split(b"\0"):
                command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                found.append(f"{path.name} {command}")
        except OSError:
            pass  # it has ended, or is another user's
    return found


def show(part: str, results: Iterator[Result]) -> tuple[int, int]:
    """Prints a part's failures as they come, then its line. Returns passed, failed."""
    start = time.monotonic()
    passed = failed = 0
    shown: set[str] = set()
    for result in results:
        passed += result.passed
        failed += not result.passed
        if not result.passed and result.said not in shown:
            shown.add(result.said)
            print(f"--- {part}: {result.name} failed\n{result.said}", flush=True)
    print(f"{part:10} {passed:5} passed {failed:5} failed {time.monotonic() - start:7.1f} s", flush=True)
    return passed, failed


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mode", default="asan", choices=("release", "debug", "asan", "tsan"), help="of the C suites")
    parser.add_argument("parts", nargs="*")
    args = parser.parse_args()
    check = Check(args.mode)
    parts = check.parts()
    wanted = [name for part in args.parts for name in (check.rooms() if part == "suites" else [part])]
    named = parts | check.selections()
    if unknown := [part for part in wanted if part not in named]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(named)}, and suites: all in C")
    passed = failed = 0
    try:
        for part in wanted or parts:
            counts = show(part, named[part]())
            passed, failed = passed + counts[0], failed + counts[1]
    finally:
        for line in marked_processes(check.mark):
            os.kill(int(line.split()[0]), signal.SIGKILL)
        shutil.rmtree(check.tmp, ignore_errors=True)
    print(f"{passed} passed, {failed} failed")
    return 0 if failed == 0 and passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
