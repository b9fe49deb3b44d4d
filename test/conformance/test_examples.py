"""What the examples do at their edges: pictures of every kind, bad ones, odd cuttings, how they end.

(That they compute the right thing on 1, 2 and 4 PEs is in test/examples_test.py.)
"""

from __future__ import annotations

import importlib
import os
import pty
import struct
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import CHARIOT, RUN_ARGS

ROOT = Path(__file__).resolve().parents[2]
HEAT_IN_C = ROOT / "build/release/examples/heat"
EVENING = ROOT / "examples/data/evening.png"
TIMEOUT_S = 100

sys.path.insert(0, str(ROOT / "examples"))
picture: Any = importlib.import_module("picture")


def run(*command: str | Path, tmp: Path, **options: Any) -> subprocess.CompletedProcess[str]:
    """Runs a command with a temporary directory of its own, and sees that nothing stays there."""
    place = tmp / "t"
    place.mkdir(exist_ok=True)
    done = subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT_S, cwd=ROOT,
        env=os.environ | {"TMPDIR": str(place)}, stdin=subprocess.DEVNULL, **options,
    )  # fmt: skip
    assert list(place.iterdir()) == []
    return done


def job(pes: int, *command: str | Path, tmp: Path) -> subprocess.CompletedProcess[str]:
    return run(CHARIOT, "run", "-n", str(pes), *RUN_ARGS, *command, tmp=tmp)


def png(rows: int, cols: int, body: bytes, depth: int = 8, colour: int = 0, interlaced: int = 0) -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    header = struct.pack(">IIBBBBB", cols, rows, depth, colour, 0, 0, interlaced)
    return picture.SIGNATURE + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


def filtered(pixels: np.ndarray, samples: int) -> bytes:
    """PNG lines that use the five filters in turn; written after the PNG specification, not after our reader."""
    lines = b""
    above = [0] * pixels.shape[1]
    for number, row in enumerate(pixels.tolist()):
        how = number % 5
        line = [how]
        for at, value in enumerate(row):
            a, b = row[at - samples] if at >= samples else 0, above[at]
            c = above[at - samples] if at >= samples else 0
            p = a + b - c
            nearest = a if abs(p - a) <= min(abs(p - b), abs(p - c)) else b if abs(p - b) <= abs(p - c) else c
            line.append((value - [0, a, b, (a + b) // 2, nearest][how]) % 256)
        lines += bytes(line)
        above = row
    return lines


def write_pgm(path: Path, rows: int, cols: int) -> Path:
    y, x = np.mgrid[0:rows, 0:cols]
    path.write_bytes(b"P5\n%d %d\n255\n" % (cols, rows) + ((x * y + 7 * x) % 256).astype(np.uint8).tobytes())
    return path


# ---------------------------------------------------------------- pictures


@pytest.mark.parametrize("samples", [1, 3])
def test_every_png_filter_is_undone(samples: int) -> None:
    pixels = np.random.default_rng(5).integers(0, 256, (23, 17 * samples), dtype=np.uint8)
    read = picture.read_png(png(23, 17, filtered(pixels, samples), colour=2 if samples == 3 else 0))
    expected = pixels / 255 if samples == 1 else pixels.reshape(23, 17, 3) @ np.array([0.299, 0.587, 0.114]) / 255
    assert read.shape == (23, 17)
    np.testing.assert_allclose(read, expected, atol=1e-12)


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    grey = np.random.default_rng(6).integers(0, 256, (31, 40)) / 255
    picture.write_png(tmp_path / "a.png", picture.to_bytes(grey))
    picture.write_pgm(tmp_path / "a.pgm", grey)
    assert np.array_equal(picture.read_picture(tmp_path / "a.png"), grey)
    assert np.array_equal(picture.read_picture(tmp_path / "a.pgm"), grey)


def test_pgm_of_16_bits_with_a_comment() -> None:
    read = picture.read_pgm(b"P5 # made by hand\n# twice\n2 1\n1000\n" + struct.pack(">HH", 0, 500))
    assert read.tolist() == [[0.0, 0.5]]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "neither a PNG nor"),
        (b"GIF89a", "neither a PNG nor"),
        (b"P5", "cut short"),
        (b"P5 # no end", "cut short"),
        (b"P5 2 x 255\n", "not of numbers"),
        (b"P5 2 2 255\nabc", "cut short"),
        (b"P5 0 2 255\n", "empty or too large"),
        (b"P5 999999999 999999999 255\n", "empty or too large"),
        (b"P5 2 2 65536\n", "1 to 65535"),
        (png(2, 2, bytes(6))[:40], "cut short"),
        (png(2, 2, bytes(6))[:-20] + bytes(20), "damaged"),
        (png(2, 2, bytes(5)), "cut short"),
        (png(2, 2, b"\x09" * 6), "unknown filter"),
        (png(2, 2, bytes(6), depth=16), "8-bit"),
        (png(2, 2, bytes(6), colour=3), "8-bit"),
        (png(2, 2, bytes(6), interlaced=1), "interlaced"),
        (png(1 << 30, 1 << 30, bytes(6)), "empty or too large"),
        (b"\x89PNG\r\n\x1a\n", "no header"),
    ],
    ids=range(18),
)
def test_bad_pictures_are_named(tmp_path: Path, data: bytes, said: str) -> None:
    (tmp_path / "bad").write_bytes(data)
    with pytest.raises(picture.PictureError, match=said):
        picture.read_picture(tmp_path / "bad")


def test_a_picture_that_unpacks_to_more_than_it_says_is_cut_off() -> None:
    assert picture.read_png(png(2, 2, bytes(1 << 20))).shape == (2, 2)


def test_the_shipped_picture_is_what_its_script_makes(tmp_path: Path) -> None:
    made = tmp_path / "made.png"
    run(sys.executable, "examples/data/make_picture.py", made, tmp=tmp_path)
    assert np.array_equal(picture.read_picture(made), picture.read_picture(EVENING))


# ---------------------------------------------------------------- heat in Python


@pytest.mark.parametrize(("pes", "cutting"), [(1, "1x1"), (2, "1x5"), (4, "6x7")])
def test_heat_with_its_kernel_in_c(tmp_path: Path, pes: int, cutting: str) -> None:
    flags = run(ROOT / ".venv/bin/python", "-m", "chariot.cflags", tmp=tmp_path).stdout.split()
    built = run("cc", "-O2", "-Wall", "-shared", "-fPIC", *flags, "-o", "examples/libheat_kernel.so", "examples/heat_kernel.c",
                tmp=tmp_path)  # fmt: skip
    assert built.returncode == 0, built.stderr
    plate = write_pgm(tmp_path / "p.pgm", 8, 9)
    done = job(pes, "examples/heat_kernel.py", plate, "--blocks", cutting, "--iterations", "25", "--every", "10", "--out",
               tmp_path / "out", tmp=tmp_path)  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal to numpy"), done.stdout + done.stderr

@pytest.mark.parametrize("pes", [1, 4])
@pytest.mark.parametrize("cutting", ["1x1", "1x5", "6x1", "6x7"])
def test_heat_in_any_cutting(tmp_path: Path, pes: int, cutting: str) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 8, 9)
    done = job(pes, "examples/heat.py", plate, "--blocks", cutting, "--iterations", "25", "--every", "10", "--out",
               tmp_path / "out", tmp=tmp_path)  # fmt: skip
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "equal to numpy"), done.stdout + done.stderr
    assert picture.read_picture(tmp_path / "out/after.png").shape == (8, 9)


def test_heat_without_launcher_is_a_job_of_one(tmp_path: Path) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 20, 20)
    done = run(ROOT / ".venv/bin/python", "examples/heat.py", plate, "--iterations", "10", "--out", tmp_path / "o",
               tmp=tmp_path)  # fmt: skip
    assert done.returncode == 0 and "on 1 PE" in done.stdout and "equal to numpy" in done.stdout, done.stderr


def test_heat_stops_when_nothing_changes(tmp_path: Path) -> None:
    plate = tmp_path / "even.pgm"
    plate.write_bytes(b"P5 12 12 255\n" + bytes([77]) * 144)
    done = job(2, "examples/heat.py", plate, "--iterations", "1000", "--every", "10", "--tolerance", "1e-6", "--out",
               tmp_path, tmp=tmp_path)  # fmt: skip
    assert done.returncode == 0 and "\n10 iterations" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize("pes", [1, 4])
def test_heat_names_a_bad_picture_once(tmp_path: Path, pes: int) -> None:
    (tmp_path / "bad.png").write_bytes(b"GIF89a")
    done = job(pes, "examples/heat.py", tmp_path / "bad.png", "--out", tmp_path, tmp=tmp_path)
    assert done.returncode == 1
    assert (done.stdout + done.stderr).count("neither a PNG nor") == 1 and "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("options", "status", "said"),
    [
        (["--blocks", "4"], 2, "argument --blocks: '4' is not rows x columns"),
        (["--blocks", "4x-1"], 2, "argument --blocks: '-1' is not a number"),
        (["--iterations", "0"], 2, "argument --iterations: '0' is not a number"),
        (["--no-such-option"], 2, "unrecognized arguments: --no-such-option"),
        (["--blocks", "99x99"], 1, "more than the picture has cells"),
    ],
)
def test_heat_refuses_bad_options_once(tmp_path: Path, options: list[str], status: int, said: str) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 20, 20)
    done = job(2, "examples/heat.py", plate, "--out", tmp_path, *options, tmp=tmp_path)
    assert done.returncode == status, done.stdout + done.stderr
    assert (done.stdout + done.stderr).count(said) == 1 and "Traceback" not in done.stderr


def test_heat_says_so_when_the_results_differ(tmp_path: Path) -> None:
    """The comparison compares: with a numpy solution of one iteration less it fails."""
    program = tmp_path / "other.py"
    program.write_text(
        f"import sys\nsys.path.insert(0, {str(ROOT / 'examples')!r})\nimport heat\nfrom chariot import charm\n"
        "right = heat.solve_with_numpy\nheat.solve_with_numpy = lambda plate, n: right(plate, n - 1)\n"
        "charm.start(heat.main, modules=['heat'])\n"
    )
    plate = write_pgm(tmp_path / "p.pgm", 20, 20)
    done = job(2, program, plate, "--iterations", "10", "--out", tmp_path, tmp=tmp_path)
    assert done.returncode == 1 and "differs from numpy" in done.stdout and "equal to" not in done.stdout, done.stderr


def test_progress_is_lines_where_there_is_no_terminal(tmp_path: Path) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 20, 20)
    done = job(2, "examples/heat.py", plate, "--iterations", "100", "--every", "10", "--out", tmp_path, tmp=tmp_path)
    shown = [line for line in done.stderr.splitlines() if line.startswith("[")]
    assert len(shown) == 10 and "\r" not in done.stderr and "100 %" in shown[-1]


def test_progress_is_redrawn_on_a_terminal(tmp_path: Path) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 20, 20)
    ours, theirs = pty.openpty()
    options = ["--iterations", "100", "--every", "10", "--out", tmp_path]
    command = [ROOT / ".venv/bin/python", "examples/heat.py", plate, *options]
    env = os.environ | {"CHARIOT_QUIET": "1"}
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=theirs, timeout=TIMEOUT_S, cwd=ROOT, env=env)
    os.close(theirs)
    shown = os.read(ours, 65536).decode()
    os.close(ours)
    assert done.returncode == 0 and shown.startswith("\r") and "100 %" in shown and shown.endswith("\r\x1b[K")


# ---------------------------------------------------------------- the others


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_hello_goes_round_in_order(tmp_path: Path, pes: int) -> None:
    done = job(pes, "examples/hello.py", tmp=tmp_path)
    assert done.returncode == 0, done.stderr
    expected = ["hello" + " again" * pe + f", this is PE {pe}" for pe in range(pes)]
    assert sorted(done.stdout.splitlines()) == sorted([*expected, f"{pes} greetings"])


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_pi_gives_the_same_on_all_pes(tmp_path: Path, pes: int) -> None:
    done = job(pes, "examples/pi.py", "200000", tmp=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("pi is about 3.1"), done.stdout + done.stderr


@pytest.mark.parametrize("transport", ["shm", "unix", "tcp", "tls"])
def test_heat_in_c_over_every_transport(tmp_path: Path, transport: str) -> None:
    plate = write_pgm(tmp_path / "p.pgm", 40, 50)
    done = run(CHARIOT, "run", "-n", "4", "--transport", transport, HEAT_IN_C, plate, "70", tmp_path / "out.pgm",
               tmp=tmp_path)  # fmt: skip
    assert done.returncode == 0 and "equal to the solution in one piece" in done.stdout, done.stdout + done.stderr
    assert picture.read_picture(tmp_path / "out.pgm").shape == (40, 50)


@pytest.mark.parametrize(("words", "status"), [([], 2), (["/no/such/file"], 1), (["examples/heat.py"], 1)])
def test_heat_in_c_refuses_once(tmp_path: Path, words: list[str], status: int) -> None:
    done = job(4, HEAT_IN_C, *words, tmp=tmp_path)
    assert done.returncode == status, done.stdout + done.stderr
    assert done.stderr.count("heat") == 1, done.stderr
