"""Nets for the tests of this directory, and what ran and what did not, by name, at the end."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[1] / "conformance")]  # suites.py

from net import Net, missing  # noqa: E402


def skip_without_net() -> None:
    if why := missing():
        pytest.skip(f"no hosts of namespaces here: {why}")


@pytest.fixture(scope="module")
def net() -> Iterator[Net]:
    """Four hosts."""
    skip_without_net()
    with Net(4) as four:
        yield four


@pytest.fixture(scope="module", params=[2, 4], ids=["2 hosts", "4 hosts"])
def cluster(request: pytest.FixtureRequest) -> Iterator[Net]:
    skip_without_net()
    with Net(request.param) as made:
        yield made


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Which files ran here, and which tests this machine cannot run, with the reason."""
    ran: dict[str, int] = {}
    for report in terminalreporter.getreports("passed") + terminalreporter.getreports("failed"):
        name = report.nodeid.split("::")[0]
        ran[name] = ran.get(name, 0) + 1
    terminalreporter.section("what ran on this machine")
    for name, count in sorted(ran.items()):
        terminalreporter.line(f"{name}: {count} tests")
    for report in terminalreporter.getreports("skipped"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        terminalreporter.line(f"not run: {report.nodeid}: {reason}")
