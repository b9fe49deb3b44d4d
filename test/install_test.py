"""Chariot where others will have it: `pip install .` in a new environment, `make install` in a prefix."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
from chariot import Chare, Group, Reducer, charm

class Adder(Chare):
    def add(self, x):
        self.contribute(x + charm.myPe(), Reducer.sum, self.done)
    def start(self, done):
        self.done = done

def main(args):
    import chariot
    adders = Group(Adder)
    total = charm.Future()
    adders.start(total, awaitable=True).get()
    adders.add(20)
    print("sum", total.get(), chariot.__file__)
    charm.exit(3)

charm.start(main)
"""
CHARE_IN_C = """
from chariot import Chare, charm
grid = charm.load("libgrid.so")

def main(args):
    print("cell", Chare(grid.Cell, args=[2.5]).get(ret=True).get())
    charm.exit()

charm.start(main)
"""
C_PROGRAM = """
#include <chariot.h>
#include <stdio.h>

static void on_start(struct chariot_pe *pe, void *arg) {
    printf("%s %u\\n", (const char *)arg, (unsigned)chariot_num_pes(pe));
    chariot_exit(pe, 3);
}

int main(void) {
    struct chariot_pe *pe;
    char why[256];
    if (chariot_open(&pe, why, sizeof why) != 0) { fputs(why, stderr); return 1; }
    int status = chariot_run(pe, on_start, "PEs");
    chariot_close(pe);
    return status;
}
"""


def run(*command: str | Path, status: int = 0, more: dict[str, str] | None = None) -> str:
    mine = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    env = mine | (more or {})
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=600, cwd=ROOT, env=env)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout


@pytest.mark.timeout(900)
def test_pip_install_gives_the_package_and_its_commands(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    run(sys.executable, "-m", "venv", venv)
    run(venv / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check", ROOT)
    program = tmp_path / "adder.py"
    program.write_text(PROGRAM)
    for command in (["chariot", "run", "-n", "2"], ["charmrun", "+p2"]):
        said = run(venv / "bin" / command[0], *command[1:], program, status=3)
        assert "sum 41 " in said and str(venv) in said
    assert "source: Graham" in run(venv / "bin/chariot", "lb-lab", "--help")
    over_grpc = run(venv / "bin/chariot", "run", "-n", "2", "--transport", "tcp", program, status=3)
    assert "sum 41 " in over_grpc and str(venv) in over_grpc
    assert "sum 20 " in run(venv / "bin/python", program, status=3)
    old = tmp_path / "old.py"
    old.write_text(PROGRAM.replace("chariot", "charm4py"))
    assert "sum 41 " in run(venv / "bin/charmrun", "+p2", old, status=3)
    env = {"CHARIOT_CHARM4PY": "1"}
    assert "sum 20 " in run(venv / "bin/python", old, status=3, more=env)
    assert "sum 41 " in run(venv / "bin/python", "-m", "charmrun.start", "+p2", old, status=3, more=env)
    library, source = tmp_path / "libgrid.so", ROOT / "test/conformance/c/grid.c"
    flags = run(venv / "bin/python", "-m", "chariot.cflags").split()
    run("gcc", "-shared", "-fPIC", *flags, "-o", library, source)
    cell = tmp_path / "cell.py"
    cell.write_text(CHARE_IN_C)
    assert "cell 2.5" in run(venv / "bin/chariot", "run", "-n", "2", cell)
    site = next(venv.glob("lib/python*/site-packages/chariot"))
    assert (site / "py.typed").exists() and (site / "libchariot.so.0").exists() and any(site.glob("*.pyi"))
    client = site.parent / "chariot_client"
    assert (client / "py.typed").exists() and (client / "protos.pb").stat().st_size > 1000
    without = "try: import chariot_client\nexcept ImportError as error: print(error)"
    assert "pip install 'chariot[client]'" in run(venv / "bin/python", "-c", without)


def test_make_install_serves_c_programs(tmp_path: Path) -> None:
    prefix = tmp_path / "prefix"
    run("make", "--no-print-directory", "install", f"PREFIX={prefix}")
    source, program = tmp_path / "count.c", tmp_path / "count"
    source.write_text(C_PROGRAM)
    pkgconfig = {"PKG_CONFIG_PATH": str(prefix / "lib/pkgconfig")}
    flags = run("pkg-config", "--cflags", "--libs", "chariot", more=pkgconfig).split()
    run("gcc", "-std=c11", "-Wall", "-Werror", "-o", program, source, *flags)
    found = {"LD_LIBRARY_PATH": str(prefix / "lib")}
    for transport in [], ["--transport", "unix"]:
        assert "PEs 2\n" in run(prefix / "bin/chariot", "run", "-n", "2", *transport, program, status=3, more=found)
    assert "PEs 1\n" in run(program, status=3, more=found)
