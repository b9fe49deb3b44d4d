"""Programs in other languages call a live job: each client goes through the same cases, and gives back the values that it gets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import values
from clients import CLIENTS, Client
from grid import Grid
from table import CASES


def test_cases(client: Client, grid: Grid) -> None:
    said = client.call(client.run, *grid.words()).splitlines()
    assert said == [f"{name}: {expected}" for name, expected in CASES.items()]


def test_what_is_to_be_read_runs(client: Client, grid: Grid) -> None:
    """The program that its page is about."""
    if client.tour:
        said = [line.partition(":") for line in client.call(client.tour, *grid.words()[:3]).splitlines()]
        wanted = ["call", "broadcast", "stream", "array", "error", "deadline"]
        assert [name for name, colon, _ in said if colon and name in wanted] == wanted, said


def test_values_come_back_equal(client: Client, grid: Grid, tmp_path: Path) -> None:
    """Edges of every type, then what hypothesis makes of them."""

    def round_trip(sent: list[Any]) -> list[Any]:
        (tmp_path / "in").write_bytes(values.pack(sent))
        (tmp_path / "out").unlink(missing_ok=True)
        client.call(client.run, *grid.words(), "--values", str(tmp_path / "in"), str(tmp_path / "out"))
        return values.unpack((tmp_path / "out").read_bytes())

    values.check(round_trip, has_tuples=client.has_tuples)


@pytest.mark.parametrize("one", CLIENTS, ids=lambda client: client.name)
def test_the_page_has_the_commands_that_build_it(one: Client) -> None:
    page = one.page.read_text()
    for command in one.build:
        wanted = command.replace("$OUT", "out").replace("$PYTHON", "python")
        assert " ".join(wanted.split()) in " ".join(page.replace("\\\n", " ").split()), wanted
