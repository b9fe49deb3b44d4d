"""Programs as users of Charm4py 1.0 write them, run unchanged under its name, by the launchers that they know.

Each program of programs/ says in its docstring which rows of the contract it goes through, and checks its results
itself. It prints OK and nothing else; one whose docstring says "Ends with status N" prints nothing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from harness import CHARIOT, PYTHON, launch

DIRECTORY = Path(__file__).with_name("programs")
PROGRAMS = sorted(path.stem for path in DIRECTORY.glob("*.py"))
PARTS = {f"parts/{path.name}": path.read_text() for path in (DIRECTORY / "parts").glob("*.py")}
CHARM4PY = {"CHARIOT_CHARM4PY": "1"}
SEVERAL = ["quiescence", "channel_ring", "insertion_from_everywhere", "pool", "reductions_in_flight"]


def holds(program: str, *words: str | Path) -> None:
    text = (DIRECTORY / f"{program}.py").read_text()
    ends = re.search(r"Ends with status (\d+)", text)
    status = int(ends[1]) if ends else 0
    result = launch([*words, "prog.py"], text, PARTS, CHARM4PY)
    assert result.status == status, f"status {result.status}, expected {status}\n{result.said}"
    assert result.stdout == ("" if ends else "OK\n"), result.said


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_alone(program: str) -> None:
    holds(program, PYTHON)


@pytest.mark.parametrize("program", PROGRAMS)
def test_program_on_4_pes(program: str) -> None:
    holds(program, CHARIOT.with_name("charmrun"), "+p4", "++local")


@pytest.mark.parametrize("pes", [2, 3, 7])
@pytest.mark.parametrize("program", SEVERAL)
def test_program_on_other_numbers_of_pes(program: str, pes: int) -> None:
    holds(program, PYTHON, "-m", "charmrun.start", f"+p{pes}")
