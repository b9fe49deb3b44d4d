"""One podman and one image for all tests here, and what ran and what did not, by name, at the end."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "conformance")]  # suites.py

from engine import ROOT, Engine, missing  # noqa: E402

GIVEN = os.environ.get("CHARIOT_TEST_IMAGE")  # one that is in the store, in place of one built now
IMAGE = GIVEN or "localhost/chariot"


@pytest.fixture(scope="session")
def engine() -> Iterator[Engine]:
    """With the image, built as docs/manual/containers.md says."""
    if why := missing():
        pytest.skip(f"no containers here: {why}")
    with Engine() as made:
        if GIVEN is None:
            made.run("podman", "build", "-t", "chariot", "-f", ROOT / "deploy/Containerfile", ROOT, timeout=1800)
        yield made


@pytest.fixture(autouse=True)
def nothing_is_left(engine: Engine) -> Iterator[None]:
    yield
    left = engine.podman("ps", "--all", "--format", "{{.Names}} {{.Status}}").stdout
    engine.podman("pod", "rm", "--all", "--force", "--time", 0, check=False)
    engine.podman("rm", "--all", "--force", "--time", 0)
    assert left == ""


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What this machine cannot run, with the reason."""
    terminalreporter.section("what ran on this machine")
    for outcome in ("passed", "failed", "skipped"):
        for report in terminalreporter.getreports(outcome):
            why = f": {report.longrepr[2]}" if isinstance(report.longrepr, tuple) else ""
            terminalreporter.line(f"{outcome}: {report.nodeid}{why}")
