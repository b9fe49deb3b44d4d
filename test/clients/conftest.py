"""The clients are built once; at the end it says which were run and which were not, by name."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "conformance")]

from clients import ROOT, Client, chosen  # noqa: E402
from grid import Grid, live_grid  # noqa: E402

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(ROOT / "build/hypothesis"))


@pytest.fixture(scope="session", params=chosen(), ids=lambda client: client.name)
def client(request: pytest.FixtureRequest) -> Client:
    """Built, or the test is skipped."""
    one: Client = request.param
    one.make()
    return one


@pytest.fixture
def grid() -> Iterator[Grid]:
    with live_grid() as one:
        yield one


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for report in terminalreporter.stats.get("skipped", []):
        terminalreporter.write_line(f"not run: {report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr}")
