"""gRPC is loaded where a job needs it, and what is missing of it is named (decision 097)."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from harness import CHARIOT, ROOT, run

PROGRAM = """
from chariot import charm, Chare, Group

class Look(Chare):
    def libraries(self):
        with open("/proc/self/maps") as maps:
            text = maps.read()
        return [name for name in ("libgrpc.so", "libchariot-grpc.so") if name in text]

def main(args):
    group = Group(Look)
    for pe in range(charm.numPes()):
        print(pe, *group[pe].libraries(ret=True).get())
    charm.exit()

charm.start(main)
"""
LOADED = " libgrpc.so libchariot-grpc.so"
EXAMPLE = ROOT / "build/release/examples/heat"  # a C program


@pytest.mark.parametrize(
    ("n", "options", "loaded"),
    [(None, (), ""), (1, (), ""), (2, ("--transport", "shm"), ""), (2, ("--transport", "tcp"), LOADED)],
)
def test_a_pe_loads_grpc_where_it_opens_it(n: int | None, options: tuple[str, ...], loaded: str) -> None:
    result = run(PROGRAM, n, options=options)
    assert result.status == 0, result.said
    assert result.lines() == [f"{pe}{loaded}" for pe in range(n or 1)], result.said


def test_grpc_begins_no_poller_of_its_own() -> None:
    """Decision 169: the module's answer stands in place of gRPC's. Where the linker says otherwise, nothing would fail,
    and a client that does not read would keep all others waiting."""
    words = [CHARIOT, "run", "-n", "2", "--transport", "tcp", EXAMPLE, "64", "1"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, env=os.environ | {"LD_DEBUG": "bindings"})
    bound = [line.split(" to ", 1)[1] for line in done.stderr.splitlines() if "`_Z35grpc_event_engine_run_in_backgroundv'" in line]
    assert len(bound) >= 2 and all("libchariot-grpc.so" in line.split()[0] for line in bound), bound


def start(program: Path, environment: dict[str, str]) -> str:
    done = subprocess.run(
        [CHARIOT, "run", "-n", "2", "--transport", "tcp", program],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | environment,
    )
    assert done.returncode == 69, done.stdout + done.stderr
    return done.stderr


def test_without_the_module_its_file_is_named(tmp_path: Path) -> None:
    alone = Path(shutil.copy(EXAMPLE, tmp_path / "alone"))
    said = start(alone, {})
    assert "the gRPC transport cannot be loaded: libchariot-grpc.so.0" in said
    assert "install Chariot anew" in said


def test_without_grpc_its_package_is_named(tmp_path: Path) -> None:
    (tmp_path / "libgrpc.so.29").write_text("no library")
    said = start(EXAMPLE, {"LD_LIBRARY_PATH": str(tmp_path)})
    assert "libgrpc.so.29" in said and "apt-get install libgrpc29" in said
