"""The examples do what their texts say, on one PE and on several. Run after `make all`."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[1]
CHARIOT = ROOT / ".venv/bin/chariot"
sys.path.insert(0, str(ROOT / "examples"))

from picture import read_picture  # noqa: E402


def run(pes: int, *command: object) -> str:
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


# Program, arguments, what it must say. Each ends with status 1 where its own check of the result fails.
PROGRAMS = [
    ("hello.py", "", ["this is PE 0"]),
    ("pi.py", "400000", ["pi is about 3.1"]),
    ("simple/start.py", "", ["this is PE 0 of host 0"]),
    ("simple/chares.py", "", ["pong had the last shot"]),
    ("simple/hello_world.py", "", ["hello world, from PE 0"]),
    ("simple/reduction.py", "", ["sum of the indices: 190", "w0 w1 w2", "all counted {20}", "was told the total: 190"]),
    ("hello/group_hello.py", "", ["Hi[17] from PE 0"]),
    ("hello/array_hello.py", "2 3 2", ["Hi[28] from element (1, 2, 1)", "all done"]),
    ("multi_module/main.py", "", ["6 hellos"]),
    ("parallel_map/square.py", "2000", ["2000 squares"]),
    ("fibonacci/fib.py", "18 10", ["fib(18) is 2584"]),
    ("nqueen/nqueen.py", "8 4", ["8 queens: 92 solutions"]),
    ("scheduler/scheduler.py", "6", ["job 5: [125, 216"]),
    ("jacobi/jacobi2d.py", "48 12", ["equal to numpy"]),
    ("stencil3d/stencil3d.py", "12 4 6", ["equal to numpy"]),
    ("particle/particle.py", "4 3 50 20", ["particles, 20 steps"]),
    ("wave2d/wave2d.py", "40 1000 --NO-RENDER", ["40 iterations, 4 frames, equal to numpy"]),
    ("hwmon/hwmon.py", "3 0.01", ["memory"]),
    ("dynamic_array/dynamic_array.py", "5", ["the tree has 31 nodes"]),
    ("planes.py", "3 4", ["9 planes of 27 blocks", "equal to numpy"]),
    ("drift.py", "--side 6 --particles 6 --phases 4 --steps 2", ["216 particles, checksum", "times the average"]),
    ("mesh.py", "--side 5 --steps 30", ["130 times 8 x 8 cells at the end", "checksum 629492197"]),
    ("combined.py", "9", ["round 3: 9 values forgotten, the sum is 1428", "all agree"]),
]


@pytest.mark.parametrize("pes", [1, 3])
@pytest.mark.parametrize("program, args, expected", PROGRAMS, ids=[program for program, _, _ in PROGRAMS])
def test_program_does_what_its_text_says(program: str, args: str, expected: list[str], pes: int) -> None:
    said = run(pes, f"examples/{program}", *args.split())
    for words in expected:
        assert words in said, said


@pytest.fixture(scope="session")
def renamed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as programs for Charm4py: the same text, but for the package's name."""
    copy = tmp_path_factory.mktemp("renamed")
    for path in (ROOT / "examples").rglob("*.py"):
        to = copy / path.relative_to(ROOT)
        to.parent.mkdir(parents=True, exist_ok=True)
        to.write_text(re.sub(r"^(from|import) chariot\b", r"\1 charm4py", path.read_text(), flags=re.M))
    return copy


@pytest.mark.parametrize("program, args, expected", PROGRAMS, ids=[program for program, _, _ in PROGRAMS])
def test_program_runs_under_the_other_name(renamed: Path, program: str, args: str, expected: list[str]) -> None:
    said = run(2, "--charm4py", renamed / "examples" / program, *args.split())
    for words in expected:
        assert words in said, said


def checksum(said: str) -> str:
    found = re.search(r"checksum (\d+)", said)
    assert found is not None, said
    return found[1]


def test_drift_ends_alike_wherever_cells_live_and_draws_the_load(tmp_path: Path) -> None:
    program = ["examples/drift.py", *"--side 8 --particles 6 --phases 6 --steps 2 --out".split(), tmp_path / "load.svg"]
    alone = checksum(run(1, *program))
    assert checksum(run(3, *program)) == alone
    assert checksum(run(3, "--balancer", "rotate", *program)) == alone
    assert checksum(run(3, "--balancer", "greedy-refine", *program)) == alone
    drawn = (tmp_path / "load.svg").read_text()
    assert drawn.startswith("<svg") and drawn.count("<polyline") == 3


def test_mesh_ends_alike_wherever_patches_live() -> None:
    program = ["examples/mesh.py", *"--side 5 --steps 40 --every 0.01".split()]
    alone = checksum(run(1, *program))
    for balancer in ("rotate", "greedy-refine"):
        assert checksum(run(3, "--balancer", balancer, *program)) == alone


def test_waves_are_drawn(tmp_path: Path) -> None:
    run(2, "examples/wave2d/wave2d.py", "20", "1000", "--out", tmp_path)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["0000.png", "0001.png"]
    assert read_picture(tmp_path / "0000.png").shape == (160, 160)
