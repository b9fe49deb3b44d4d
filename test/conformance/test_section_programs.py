"""Random programs of sections on real PEs against a model: a sample; with CHARIOT_SECTION_PROGRAMS=200 that many."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from harness import PES, run

COUNT = int(os.environ.get("CHARIOT_SECTION_PROGRAMS", "12"))
FIRST = int(os.environ.get("CHARIOT_SECTION_SEED", "1"))
IN_A_JOB = 4 if COUNT <= 24 else 10
TEXT = Path(__file__).with_name("section_programs.py").read_text()
JOBS = [range(FIRST + at, FIRST + min(at + IN_A_JOB, COUNT)) for at in range(0, COUNT, IN_A_JOB)]
ON = sorted({*PES, 3}) if COUNT <= 24 else sorted({*PES, 3, 7})


@pytest.mark.parametrize("seeds, n", [(seeds, ON[(k + 1) % len(ON)]) for k, seeds in enumerate(JOBS)], ids=str)
def test_programs_do_as_the_model(seeds: range, n: int) -> None:
    result = run(TEXT, n, [str(seed) for seed in seeds], preamble=False)
    assert result.status == 0, result.said
    assert f"{len(seeds)} programs, 0 failed" in result.stdout
