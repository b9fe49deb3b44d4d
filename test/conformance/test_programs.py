"""Programs as users of Charm4py 1.0 write them, run unchanged under its name, by the launchers that they know.

Each program of programs/ says in its docstring which rows of the contract it goes through, and checks its results
itself. It prints OK and nothing else; one whose docstring says "Ends with status N" prints nothing. Each runs alone and
on one number of PEs, with CHARIOT_ALL_PES=1 on all of them."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest
from harness import CHARIOT, PYTHON, launch

DIRECTORY = Path(__file__).with_name("programs")
PROGRAMS = sorted(path.stem for path in DIRECTORY.glob("*.py"))
PARTS = {f"parts/{path.name}": path.read_text() for path in (DIRECTORY / "parts").glob("*.py")}
CHARM4PY = {"CHARIOT_CHARM4PY": "1"}
SEVERAL = {"quiescence", "channel_ring", "insertion_from_everywhere", "pool", "reductions_in_flight"}
PES = (4, 3, 2, 7)


def counts(program: str) -> tuple[int, ...]:
    """Of PEs, above 1: one number for each program, all for those whose order of events depends on it most."""
    everywhere = program in SEVERAL or os.environ.get("CHARIOT_ALL_PES")
    return PES if everywhere else (PES[PROGRAMS.index(program) % len(PES)],)


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


@pytest.mark.parametrize(("program", "pes"), [(program, pes) for program in PROGRAMS for pes in counts(program)])
def test_program(program: str, pes: int) -> None:
    if pes % 2 == 0:
        holds(program, CHARIOT.with_name("charmrun"), f"+p{pes}", "++local")
    else:
        holds(program, PYTHON, "-m", "charmrun.start", f"+p{pes}")
