"""What chares cost (issue 6, "Measurement"; api.md 3.5): LBTurnInstrumentOn/Off, and records for the laboratory by
`chariot run --lb-record`. Order and sums are asserted, never time."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from harness import CHARIOT, command, fails, holds, run

Phase = dict[str, Any]

BURN = """
def burn(ms):
    until = time.thread_time() + ms / 1000
    while time.thread_time() < until:
        pass
"""

STEPS = (
    BURN
    + """
class Worker(Chare):
    def __init__(self):
        self.state = bytes(1000 * self.thisIndex[0])
        self.steps = 0
        self.setMigratable(self.thisIndex[0] != 2)

    def work(self):
        i = self.thisIndex[0]
        burn(2 << i)
        self.thisProxy[(i + 1) % 4].hear(np.zeros(100 * (i + 1)))
        self.AtSync()

    def hear(self, data):
        pass

    def resumeFromSync(self):
        self.steps += 1
        if self.steps < 3:
            self.work()
        else:
            self.reduce(self.thisProxy[0].end)

    def end(self):
        done()

def main(args):
    Array(Worker, 4, useAtSync=True).work()

charm.start(main)
"""
)


def read(directory: Path, name: str, pes: int) -> list[dict[str, Any]]:
    files = [json.loads((directory / f"{name}.{pe}.json").read_text()) for pe in range(pes)]
    for pe, file in enumerate(files):
        check_form(file, pe, pes)
    return files


def check_entity(entity: dict[str, Any]) -> None:
    """As LBDatafile_schema of vt has it, which LBAF holds files against: nothing else may be there."""
    assert set(entity) <= {"collection_id", "home", "id", "seq_id", "index", "type", "migratable", "objgroup_id"}
    assert type(entity["id"]) is int and type(entity["migratable"]) is bool and entity["type"] == "object"
    assert 0 <= entity["id"] < 1 << 63


def check_form(file: dict[str, Any], pe: int, pes: int) -> None:
    assert set(file) == {"type", "metadata", "phases"} and file["type"] == "LBDatafile"
    assert set(file["metadata"]) <= {"type", "rank", "shared_node", "phases", "attributes"}
    assert file["metadata"]["rank"] == pe and file["metadata"]["attributes"]["pes"] == pes
    for phase in file["phases"]:
        assert set(phase) <= {"id", "tasks", "communications", "user_defined"} and type(phase["id"]) is int
        for task in phase["tasks"]:
            assert set(task) <= {"entity", "node", "resource", "subphases", "time", "user_defined", "attributes"}
            assert all(type(size) is float for size in task["user_defined"].values())  # LBAF refuses others
            assert task["node"] == pe and task["resource"] == "cpu" and type(task["time"]) is float
            check_entity(task["entity"])
            assert type(task["entity"]["home"]) is int and all(type(at) is int for at in task["entity"]["index"])
        for sent in phase["communications"]:
            assert set(sent) == {"type", "from", "to", "messages", "bytes"} and sent["type"] == "SendRecv"
            assert type(sent["messages"]) is int and type(sent["bytes"]) is float
            check_entity(sent["from"])
            check_entity(sent["to"])


def tasks(files: Iterable[dict[str, Any]], phase: int) -> list[dict[str, Any]]:
    return [task for file in files for at in file["phases"] if at["id"] == phase for task in at["tasks"]]


def movable(files: Iterable[dict[str, Any]], phase: int) -> dict[int, dict[str, Any]]:
    """Elements of the one array, by index."""
    found = [task for task in tasks(files, phase) if task["entity"]["collection_id"] in array_of(files)]
    return {task["entity"]["index"][0]: task for task in found}


def array_of(files: Iterable[dict[str, Any]]) -> set[int]:
    """The collection that most tasks are of."""
    ids = [task["entity"]["collection_id"] for file in files for phase in file["phases"] for task in phase["tasks"]]
    return {max(set(ids), key=ids.count)}


def lab(*words: str | Path) -> tuple[list[Phase], str]:
    called = subprocess.run([CHARIOT, "lb-lab", *words, "--json"], capture_output=True, text=True, timeout=60)
    assert called.returncode == 0, called.stderr
    (trace,) = json.loads(called.stdout)
    return trace["phases"], called.stderr


@pytest.mark.parametrize("n", (1, 2, 4))
def test_a_record_says_what_was_done_and_the_laboratory_reads_it(n: int, tmp_path: Path) -> None:
    """--lb-record: a phase per step; loads, places, state, traffic; lb-lab reads just that."""
    holds(STEPS, n, options=["--lb-record", str(tmp_path / "t.json")])
    files = read(tmp_path, "t", n)
    assert all(file["metadata"]["attributes"]["complete"] is True for file in files)
    assert all([phase["id"] for phase in file["phases"]] == [0, 1, 2] for file in files)
    ids = {i: task["entity"]["id"] for i, task in movable(files, 0).items()}
    for number in range(3):
        workers = movable(files, number)
        assert sorted(workers) == [0, 1, 2, 3]
        assert {i: task["entity"]["id"] for i, task in workers.items()} == ids
        assert [workers[i]["entity"]["migratable"] for i in range(4)] == [True, True, False, True]
        times = [workers[i]["time"] for i in range(4)]
        assert times == sorted(times) and times[0] >= 0.0015, times  # each burns twice what the one before it does
        sizes = [workers[i]["user_defined"]["task_serialized_bytes"] for i in range(4)]
        assert [size // 1000 for size in sizes] == [0, 1, 2, 3]
        assert sum(task["user_defined"]["task_footprint_bytes"] for task in workers.values()) == sum(sizes)
        sent = {
            (edge["from"]["id"], edge["to"]["id"]): (edge["messages"], edge["bytes"])
            for file in files
            for edge in file["phases"][number]["communications"]
        }
        for i in range(4):
            messages, size = sent[ids[i], ids[(i + 1) % 4]]
            assert messages == 1 and 800 * (i + 1) <= size <= 800 * (i + 1) + 200
        assert len(sent) <= 4 + 1  # the call that ends the job
    names = [tmp_path / f"t.{pe}.json" for pe in range(n)]
    rows, said = lab(*names, "--balancer", "none")
    assert said == "" and [row["phase"] for row in rows] == [0, 1, 2]
    for number, row in enumerate(rows):
        loads = [file["phases"][number]["user_defined"]["background"] for file in files]
        for task in tasks(files, number):
            loads[task["node"]] += task["time"]
        assert row["pes"] == n and row["objects"] == len(tasks(files, number))
        assert row["max_before"] == pytest.approx(max(loads), rel=1e-8)
        assert row["average"] == pytest.approx(sum(loads) / n, rel=1e-8)
    better, _ = lab(*names, "--balancer", "greedy")
    assert all(row["max_after"] <= row["max_before"] for row in better)
    assert n != 2 or any(row["moves"] > 0 for row in better)


def test_a_job_that_does_not_end_by_itself_leaves_whole_files_that_say_so(tmp_path: Path) -> None:
    """--lb-record: complete is false, and the laboratory says it."""
    program = STEPS.replace("done()", "os._exit(3)")
    assert run(program, 2, options=["--lb-record", str(tmp_path / "t")]).status != 0
    files = read(tmp_path, "t", 2)
    assert [file["metadata"]["attributes"]["complete"] for file in files] == [False, False]
    assert [len(file["phases"]) for file in files] == [3, 3]
    rows, said = lab(tmp_path / "t.0.json", tmp_path / "t.1.json", "--balancer", "greedy")
    assert len(rows) == 3 and "did not end by itself" in said
    one: list[str | Path] = [CHARIOT, "lb-lab", tmp_path / "t.0.json", "--balancer", "none"]
    called = subprocess.run(one, capture_output=True, text=True, timeout=60)
    assert called.returncode == 1 and "one of 2 files" in called.stderr


def test_without_steps_a_phase_is_a_period(tmp_path: Path) -> None:
    """--lb-record-period; a program that ends in the first has one phase."""
    program = (
        BURN
        + """
class Worker(Chare):
    def work(self):
        burn(4 * (1 + self.thisIndex[0]))

def main(args):
    workers = Array(Worker, 2)
    for step in range(STEPS):
        workers.work(awaitable=True).get()
        charm.sleep(0.02)
    done()

charm.start(main)
"""
    )
    holds("STEPS = 12\n" + program, 2, options=["--lb-record", str(tmp_path / "t"), "--lb-record-period", "0.05"])
    files = read(tmp_path, "t", 2)
    for file in files:
        assert [phase["id"] for phase in file["phases"]] == list(range(len(file["phases"])))
        assert len(file["phases"]) >= 5
    whole = min(len(file["phases"]) for file in files)
    phases = [movable(files, number) for number in range(whole)]
    sums = [sum(phase[i]["time"] for phase in phases if i in phase) for i in range(2)]
    assert sums[1] > sums[0] > 0
    holds("STEPS = 2\n" + program, 2, options=["--lb-record", str(tmp_path / "once")])
    assert [len(file["phases"]) for file in read(tmp_path, "once", 2)] == [1, 1]


OWN = (
    BURN
    + """
class Worker(Chare):
    @coro
    def hang_on(self, first, second):
        first.get()
        burn(20)
        second.send()

    async def hang_on_async(self, first, second):
        await first
        burn(20)
        second.send()

    def work(self, ms):
        burn(ms)

def main(args):
    workers = Array(Worker, 4)
    for method in (workers[0].hang_on, workers[1].hang_on_async):
        first, second = Future(), Future()
        method(first, second)
        charm.sleep(0.01)
        first.send(1)
        second.get()
    charm.thisProxy.LBTurnInstrumentOff(awaitable=True).get()
    workers[2].work(40, awaitable=True).get()
    charm.thisProxy.LBTurnInstrumentOn(awaitable=True).get()
    workers[3].work(5, awaitable=True).get()
    done()

charm.start(main)
"""
)


@pytest.mark.parametrize("n", (None, 2))
def test_a_program_may_ask_for_a_record_itself(n: int | None, tmp_path: Path) -> None:
    """charm.options.lb.record; coroutines cost what they run; what was turned off is not measured (api.md 3.5)."""
    holds(f"charm.options.lb.record = {str(tmp_path / 'own')!r}\n" + OWN, n)
    files = read(tmp_path, "own", n or 1)
    times = {i: task["time"] for i, task in movable(files, 0).items()}
    assert times[0] > times[3] and times[1] > times[3] > times[2] >= 0, times
    assert times[2] < 0.02, "40 ms that were not to be measured"


def test_what_the_launcher_was_asked_for_goes_before_what_a_program_says(tmp_path: Path) -> None:
    """--lb-record beside charm.options.lb.record."""
    text = f"charm.options.lb.record = {str(tmp_path / 'own')!r}\ncharm.start(lambda args: done())"
    holds(text, 2, options=["--lb-record", str(tmp_path / "asked")])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["asked.0.json", "asked.1.json"]


def test_records_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    """What was wrong, and where."""
    nowhere = str(tmp_path / "no" / "t")
    fails("charm.start(lambda args: done())", 2, nowhere, "No such file", options=["--lb-record", nowhere])
    fails(f"charm.options.lb.record = {nowhere!r}\ncharm.start(lambda args: done())", 2, "FileNotFoundError", nowhere)
    for words, reason in (
        (["--lb-record-period", "1"], "--lb-record-period is of use with --lb-record FILE"),
        (["--lb-record", "t", "--lb-record-period", "x"], "--lb-record-period takes a time in seconds"),
        (["--lb-record", "t", "--lb-record-period", "1e-5"], "--lb-record-period takes at least 0.001 seconds"),
        (["--lb-record", ""], "--lb-record takes the name of files"),
    ):
        result = command("run", *words, "prog.py")
        assert result.status == 2 and reason in result.stderr


def test_load_is_not_measured_where_it_was_turned_off_before_the_start(tmp_path: Path) -> None:
    """LBTurnInstrumentOff() at module level: an empty record (api.md 3.5)."""
    holds("charm.LBTurnInstrumentOff()\n" + STEPS, 2, options=["--lb-record", str(tmp_path / "t")])
    files = read(tmp_path, "t", 2)
    assert [task["time"] for number in range(3) for task in movable(files, number).values()] == [0.0] * 12
