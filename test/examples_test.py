"""The examples do what their texts say, on one PE and on several. Run after `make all`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHARIOT = ROOT / ".venv/bin/chariot"
sys.path.insert(0, str(ROOT / "examples"))

from picture import read_picture  # noqa: E402


def run(pes: int, *command: str | Path) -> str:
    job = [str(CHARIOT), "run", "-n", str(pes), *map(str, command)]
    done = subprocess.run(job, capture_output=True, text=True, timeout=100, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_pgm(path: Path, rows: int, cols: int) -> None:
    y, x = np.mgrid[0:rows, 0:cols]
    path.write_bytes(b"P5\n%d %d\n255\n" % (cols, rows) + ((x * y + 7 * x) % 256).astype(np.uint8).tobytes())


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_heat_equals_numpy_to_the_last_bit(tmp_path: Path, pes: int) -> None:
    picture = tmp_path / "plate.pgm"
    write_pgm(picture, 50, 71)
    options = ["--blocks", "3x4", "--iterations", "60", "--every", "20", "--out", tmp_path / "out"]
    said = run(pes, "examples/heat.py", picture, *options)
    assert "equal to numpy" in said and f"on {pes} PEs" in said
    before, after = (read_picture(tmp_path / "out" / name) for name in ("before.png", "after.png"))
    assert before.shape == after.shape == (50, 71)
    assert not np.array_equal(before, after)


@pytest.mark.parametrize("pes", [1, 4])
def test_heat_takes_the_picture_that_is_shipped(tmp_path: Path, pes: int) -> None:
    said = run(pes, "examples/heat.py", "examples/data/evening.png", "--iterations", "40", "--out", tmp_path)
    assert "640 x 480 cells" in said and "equal to numpy" in said


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_heat_in_c_gives_the_same_whatever_the_number_of_pes(tmp_path: Path, pes: int) -> None:
    picture = tmp_path / "plate.pgm"
    write_pgm(picture, 50, 71)
    program = ROOT / "build/release/examples/heat"
    run(1, program, picture, "60", tmp_path / "one.pgm")
    run(pes, program, picture, "60", tmp_path / "many.pgm")
    assert (tmp_path / "one.pgm").read_bytes() == (tmp_path / "many.pgm").read_bytes()
    assert not np.array_equal(read_picture(tmp_path / "one.pgm"), read_picture(picture))


def test_hello_greets_on_every_pe() -> None:
    said = run(3, "examples/hello.py")
    assert all(f"this is PE {pe}" in said for pe in range(3)) and "3 greetings" in said


def test_pi_comes_close() -> None:
    assert "pi is about 3.1" in run(2, "examples/pi.py", "400000")
