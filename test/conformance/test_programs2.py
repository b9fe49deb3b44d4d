"""Programs as users of Charm4py 1.0 write them, through the alias: collections, reductions, futures, channels, the pool,
quiescence, conditions, and whole applications. Each says in its docstring which rows of the contract it covers.

Each runs on one or two counts of PEs, with CHARIOT_ALL_PES=1 on all of 1, 2, 3, 4 and 7.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import run

PROGRAMS = sorted(Path(__file__).with_name("programs2").glob("*.py"))
ALL = (1, 2, 3, 4, 7)


def counts(number: int) -> tuple[int, ...]:
    if os.environ.get("CHARIOT_ALL_PES"):
        return ALL
    other = (1, 2, 4, 7)[number // 2 % 4]
    return (other,) if number % 2 == 0 else (3, other)


@pytest.mark.parametrize(
    ("program", "n"),
    [pytest.param(path, n, id=f"{path.stem}-{n}") for i, path in enumerate(PROGRAMS) for n in counts(i)],
)
def test_program(program: Path, n: int) -> None:
    result = run(program.read_text(), n, options=("--charm4py",), preamble=False)
    assert result.status == 0 and "passed" in result.stdout, f"status {result.status}\n{result.said}"
