"""What the bench computes: error bars, ratios, factors, verdicts, comparison, curves, files; and that it runs."""

from __future__ import annotations

import itertools
import json
import random
import statistics
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path

import compare
import machine
import peers
import plot
import pytest
import stats
import table
from programs import SOURCES, STARTS
from results import Results, figures_of, latest
from rows import Row, Target, rows
from stats import Estimate

ROOT = Path(__file__).resolve().parents[2]
ABOUT = {"time": "2026-11-27T00:00:00Z", "commit": "abc", "cpu": "some", "cores": 2, "load_before": 0.1}


def results_of(*figures: dict[str, float]) -> Results:
    results = Results(dict(ABOUT), "shm")
    for values in figures:
        results.add_round(values)
    results.units = {row.key: row.unit for row in rows("shm") if row.key in results.values}
    return results


def repeated(figures: dict[str, float], rounds: int = 7, spread: float = 0.01) -> Results:
    return results_of(*({key: value * (1 + spread * n) for key, value in figures.items()} for n in range(rounds)))


@pytest.mark.parametrize(
    ("count", "ranks"), [(1, (0, 0)), (2, (0, 1)), (5, (0, 4)), (7, (0, 6)), (8, (0, 7)), (9, (1, 7)), (15, (3, 11))]
)
def test_the_interval_of_a_median_is_the_innermost_that_is_sure_enough(count: int, ranks: tuple[int, int]) -> None:
    assert stats.interval_ranks(count) == ranks


def test_the_interval_covers_the_true_median_as_often_as_it_says() -> None:
    random.seed(7)
    for count in (7, 9, 12):
        found = [stats.estimate([random.lognormvariate(0, 1) for _ in range(count)]) for _ in range(4000)]
        assert sum(one.low <= 1 <= one.high for one in found) / 4000 > 0.94


def test_an_estimate_lies_within_its_values() -> None:
    assert stats.estimate([3, 1, 2]) == Estimate(2, 1, 3)
    assert stats.estimate([4.0]) == Estimate(4, 4, 4)


def test_a_ratio_is_taken_within_its_round_and_one_is_as_good_as_the_floor() -> None:
    assert stats.ratios([4, 6, None], [2, 2, 2], rate=False) == [2, 3]
    assert stats.ratios([1, 2], [2, 2], rate=True) == [2, 1]


def test_two_runs_are_apart_only_where_their_error_bars_are() -> None:
    before = Estimate(10, 9, 11)
    assert not stats.apart(before, Estimate(12, 10.9, 13))
    assert stats.apart(before, Estimate(14, 12, 15))
    assert stats.apart(before, Estimate(7, 6, 8))
    assert not stats.apart(Estimate(10, 10, 10), Estimate(10.1, 10.1, 10.1)), "a change of 1 % is none"
    assert not stats.apart(before, Estimate(14, 12, 15), scale=1.3)


def test_runs_of_the_same_thing_agree() -> None:
    """Seven rounds each, with a spread of 10 %: of 1,000 pairs hardly any are called apart."""
    random.seed(11)

    def seven() -> Estimate:
        return stats.estimate([random.gauss(100, 10) for _ in range(7)])

    assert sum(stats.apart(seven(), seven()) for _ in range(1000)) <= 3
    assert stats.apart(
        stats.estimate([random.gauss(100, 2) for _ in range(7)]),
        stats.estimate([random.gauss(120, 2) for _ in range(7)]),
    )


def test_the_machines_factor_is_the_median_over_the_kernels_of_a_kind() -> None:
    twice = {kernel.key: kernel.theirs / 2 if kernel.rate else kernel.theirs * 2 for kernel in machine.KERNELS}
    assert machine.factors([twice, twice]) == {kind: [2, 2] for kind in machine.KINDS}
    odd = dict(twice, **{"kernel.malloc": 1e6})
    assert machine.factor_of(machine.COMPUTING, odd) == 2
    assert machine.factor_of(machine.COPYING, {}) is None
    assert machine.factors([{}]) == {}


def test_a_slower_machine_is_granted_more_time_and_less_rate() -> None:
    assert machine.scaled(10, rate=False, factor=2) == 20
    assert machine.scaled(10, rate=True, factor=2) == 5


def said(row: Row, value: float, ratio: float | None, factors: dict[str, Estimate]) -> str:
    assert row.target is not None
    judged = table.judge(row, row.target, value, ratio, factors)
    return table.verdict(row, row.target, judged) if judged else ""


def test_a_verdict_shows_the_bound_as_it_stands_and_as_this_machine_goes() -> None:
    row = Row("s", "t", "k", "us", "f", Target(10), machine.WAKING)
    slow, fast = {machine.WAKING: Estimate(2, 2, 2)}, {machine.WAKING: Estimate(0.5, 0.5, 0.5)}
    assert said(row, 9, None, slow) == "≤ 10: reached; as this machine goes ≤ 20.0: reached"
    assert said(row, 15, None, slow) == "≤ 10: NOT reached, x1.50; as this machine goes ≤ 20.0: reached"
    assert said(row, 9, None, fast) == "≤ 10: reached; as this machine goes ≤ 5.00: NOT reached, x1.80"
    assert said(row, 15, None, {}) == "≤ 10: NOT reached, x1.50"
    floor = Row("s", "t", "k", "us", "f", Target(1.5, of_floor=True), machine.WAKING)
    assert said(floor, 25, 3.0, slow) == "≤ 1.5 x floor: NOT reached, x2.00"
    assert said(floor, 25, 1.0, slow) == "≤ 1.5 x floor: reached"
    assert said(floor, 25, None, slow) == "", "no floor was measured"
    rate = Row("s", "t", "k", "M/s", target=Target(3), kind=machine.COMPUTING)
    assert said(rate, 4, None, {}) == "≥ 3: reached"
    assert said(rate, 2, None, {machine.COMPUTING: Estimate(2, 2, 2)}) == (
        "≥ 3: NOT reached, x1.50; as this machine goes ≥ 1.50: reached"
    )


def test_no_figure_stands_in_two_rows_and_every_kernel_of_the_kinds_is_known() -> None:
    for default in ("shm", "unix"):
        keys = [row.key for row in rows(default)]
        assert len(keys) == len(set(keys))
        assert {row.kind for row in rows(default)} <= {*machine.KINDS, ""}
    names = [source.name for source in SOURCES] + [timed.key for timed in STARTS]
    assert len(names) == len(set(names))


def test_the_targets_of_python_programs_stand_at_the_default_transport() -> None:
    for default, other in (("shm", "unix"), ("unix", "shm")):
        found = {row.key: row.target for row in rows(default)}
        assert found[f"py.{default}.rtt.0"] == Target(3)
        assert found[f"py.{other}.rtt.0"] is None


def test_a_programs_figure_is_the_median_of_its_batches() -> None:
    assert figures_of("a.b 1\na.b 100\nc 2.5\na.b 3\n") == {"a.b": 3, "c": 2.5}
    with pytest.raises(ValueError, match="hello"):
        figures_of("hello\n")


def test_results_come_back_from_their_file() -> None:
    results = results_of({"py.shm.rtt.0": 3.25}, {"py.shm.rtt.0": 3.5, "late": 1.0})
    assert results.values["late"] == [None, 1.0]
    again = Results.from_json(results.as_json())
    assert again == results
    assert json.loads(results.as_json())["units"] == {"py.shm.rtt.0": "us"}


def test_the_latest_results_are_found_by_the_time_in_their_names(tmp_path: Path) -> None:
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder, name in zip(
        itertools.cycle(folders), ("20260103T-x.json", "20260101T-x.json", "20260102T-x.json"), strict=False
    ):
        folder.mkdir(exist_ok=True)
        (folder / name).write_text("{}")
    (folders[1] / "20260103T-x.json").write_text("{}")  # the first, kept
    assert [path.name[:8] for path in latest(folders)] == ["20260101", "20260102", "20260103"]


def test_a_comparison_tells_a_change_from_the_machines_weather() -> None:
    kernels = {kernel.key: kernel.theirs for kernel in machine.KERNELS}
    slower = {key: value / 2 if "bandwidth" in key else value * 2 for key, value in kernels.items()}
    rows_before = {
        "py.local.calls": 4.0,
        "py.local.awaited": 1.0,
        "py.barrier.2": 10.0,
        "py.rss.2": 30.0,
        "token.spin.2.1": 1,
    }
    rows_after = {
        "py.local.calls": 2.0,
        "py.local.awaited": 1.0,
        "py.barrier.2": 80.0,
        "py.rss.2": 30.0,
        "token.spin.2.1": 9,
    }
    before, after = repeated(kernels | rows_before), repeated(slower | rows_after)
    found = {change.row.key: change.verdict for change in compare.changes(before, after)}
    assert found["py.local.calls"] == "machine", "half the rate on a machine that is half as fast"
    assert found["py.local.awaited"] == "same"
    assert found["py.barrier.2"] == "worse"
    assert found["py.rss.2"] == "same"
    assert found["token.spin.2.1"] == "machine", "a floor has nothing of Chariot in it"
    back = {change.row.key: change.verdict for change in compare.changes(after, before)}
    assert back["py.barrier.2"] == "better"
    shown = "\n".join(compare.lines(before, after, everything=False))
    assert "the machine at computing: 2.00 times as slow" in shown and "Python, barrier, 2 PEs" in shown
    assert "call awaited" not in shown and "call awaited" in "\n".join(compare.lines(before, after, everything=True))


def test_the_table_shows_medians_bars_floors_and_kernels() -> None:
    figures = {"py.barrier.2": 8.0, "ring.adaptive.rtt.0": 2.0} | {
        kernel.key: kernel.theirs for kernel in machine.KERNELS
    }
    said = "\n".join(table.lines(rows("shm"), repeated(figures, spread=0.0)))
    assert (
        "Python, barrier, 2 PEs" in said
        and "≤ 4: NOT reached, x2.00; as this machine goes ≤ 4.00: NOT reached, x2.00" in said
    )
    assert "factor of waking: 1.00 (1.00..1.00)" in said
    assert "0 of 1 targets reached as they stand, 0 as this machine goes\nmissed by, worst first:" in said


def test_curves_are_svg_with_a_line_per_series_and_a_bar_per_point() -> None:
    figures = {
        f"{prefix}.sweep.rtt.{size}": 1.0 + size for prefix in ("chariot.shm", "ring") for size in (0, 64, 1 << 26)
    }
    made = plot.curves(repeated(figures))
    assert list(made) == ["rtt"]
    tree = xml.etree.ElementTree.fromstring(made["rtt"])
    names = [element.tag.rpartition("}")[2] for element in tree]
    assert names.count("polyline") == 2
    said = [element.text for element in tree.iter() if element.text and element.text.strip()]
    assert {"0 B", "64 B", "64 MiB", "C, shared memory", "floor: bare ring"} <= set(said)
    for number in [float(value) for element in tree for value in (element.get("y1"), element.get("y2")) if value]:
        assert 0 <= number <= plot.HEIGHT


def test_no_curves_without_figures_by_size() -> None:
    assert plot.curves(repeated({"py.barrier.2": 8.0})) == {}


def test_a_run_of_one_program_prints_its_rows_and_keeps_its_figures() -> None:
    command = [sys.executable, "test/bench/run.py", "--rounds", "1", "--only", "^py_floor$"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Python, plain method call" in done.stdout and "not there yet:" in done.stdout
    path = next(line.split()[-1] for line in done.stdout.splitlines() if line.startswith("all figures:"))
    assert Results.from_json((ROOT / path).read_text()).seen("py.floor.call")
    (ROOT / path).unlink()


def test_peers_stand_beside_chariot_with_how_many_times_as_good_it_is() -> None:
    values = {"chariot.round_trip": 5.0, "ray.round_trip": 500.0, "chariot.tasks": 900.0, "dask.tasks": 9.0}
    results = Results(dict(ABOUT), "", units={key: "us" for key in values})
    results.add_round(values)
    said = "\n".join(peers.lines(results))
    assert "x100" in next(line for line in said.splitlines() if "round trip, empty" in line)
    assert "9.00 (9.00..9.00) x100" in next(line for line in said.splitlines() if "tiny tasks" in line)
    assert "barrier" not in said
    assert peers.ahead(stats.estimate([2.0]), stats.estimate([4.0]), rate=False) == 2
    assert peers.ahead(stats.estimate([2.0]), stats.estimate([4.0]), rate=True) == 0.5
    assert peers.ahead(None, stats.estimate([4.0]), rate=True) is None


@pytest.mark.skipif(subprocess.run([*peers.BOX, "true"], capture_output=True).returncode != 0, reason="no namespaces")
def test_a_box_has_the_loopback_only_and_its_processes_end_with_it() -> None:
    look = "cat /proc/net/dev; sleep 1234.5 & exit 7"
    done = subprocess.run([*peers.BOX, "sh", "-c", look], capture_output=True, text=True, timeout=30)
    assert done.returncode == 7, done.stderr
    assert [line.split(":")[0].strip() for line in done.stdout.splitlines()[2:]] == ["lo"]
    commands = [path.read_bytes() for path in Path("/proc").glob("[0-9]*/cmdline") if path.exists()]
    assert not [command for command in commands if b"1234.5" in command and b"sleep" in command.split(b"\0")[0]]


def test_medians_are_of_what_was_seen() -> None:
    results = results_of({"a": 1.0}, {}, {"a": 3.0})
    found = results.estimate("a")
    assert found is not None and found.median == statistics.median([1.0, 3.0])
