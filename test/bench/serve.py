"""Calls of foreign programs: a bare gRPC server, a C chare and a Python chare, each called by the same client in turn.

    .venv/bin/python test/bench/serve.py [BATCHES]

All three are there all the time, and wait for nothing while another is called. Prints "key value" lines.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build/release/bench"
JOB = [str(ROOT / ".venv/bin/chariot"), "run", "-n", "1", "--quiet"]
SERVERS = {
    "unary.bare": [str(BENCH / "floor_unary")],
    "unary.c": [*JOB, str(BENCH / "serve")],
    "unary.py": [*JOB, str(ROOT / "test/bench/py_serve.py")],
}
LOADS = {"many": ("64", "4"), "one": ("1", "1")}  # calls at a time, connections
MS = "250"


@contextlib.contextmanager
def server(command: list[str]) -> Iterator[tuple[str, str]]:
    """Its address and the process that serves."""
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            word, address, pid = process.stdout.readline().split()
            assert word == "at"
            yield address, pid
        finally:
            process.terminate()


def main() -> int:
    batches = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    with contextlib.ExitStack() as stack:
        at = {key: stack.enter_context(server(command)) for key, command in SERVERS.items()}
        for _ in range(batches):
            for load, numbers in LOADS.items():
                for key, (address, pid) in at.items():
                    client = [str(BENCH / "unary"), address, f"{key}.{load}", *numbers, MS, pid]
                    subprocess.run(client, check=True, stdin=subprocess.DEVNULL)
    return 0


if __name__ == "__main__":
    sys.exit(main())
