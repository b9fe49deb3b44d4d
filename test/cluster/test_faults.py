"""A sample of seeded faults (faults.py), or as many as CHARIOT_CLUSTER_FAULTS says, from seed CHARIOT_CLUSTER_FIRST on."""

from __future__ import annotations

import os

import pytest

from faults import runs, table
from net import Net

COUNT = int(os.environ.get("CHARIOT_CLUSTER_FAULTS", "10"))
FIRST = int(os.environ.get("CHARIOT_CLUSTER_FIRST", "1"))


@pytest.mark.timeout(0)
def test_every_fault_ends_in_a_verdict_or_the_right_answer(net: Net, capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = []
    for outcome in runs(net, FIRST, COUNT):
        outcomes.append(outcome)
        with capsys.disabled():
            print(f"\n  {outcome.seed:5} {outcome.kind:32} {outcome.seconds:5.1f} s  {outcome.how}", end="", flush=True)
    with capsys.disabled():
        print("\n" + table(outcomes), flush=True)
    bad = [f"seed {one.seed}, {one.kind}: {one.how}\n{one.said}" for one in outcomes if not one.good]
    assert not bad, "\n".join(bad)
