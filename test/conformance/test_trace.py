"""chariot run --trace (issue 3, "Profiling"): a timeline in the Trace Event format, whole however the job ends."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from harness import command, fails, holds, job, run

Event = dict[str, Any]

PROGRAM = """
class Worker(Chare):
    def work(self, n):
        return n
    @coro
    def slow(self, seconds):
        charm.sleep(seconds)
        charm.sleep(seconds)
    def reduce_it(self, future):
        self.reduce(future, 1, Reducer.sum)

def main(args):
    n = charm.numPes()
    array = Array(Worker, (2 * n, 2))
    group = Group(Worker)
    charm.awaitCreation(array, group)
    for i in range(2 * n):
        for j in range(2):
            eq("value", array[i, j].work(i, ret=True).get(), i)
    array.work(1, awaitable=True).get()
    group.slow(0.01, awaitable=True).get()
    future = Future()
    group.reduce_it(future)
    eq("sum", future.get(), n)
    done()

charm.start(main)
"""


def read(path: Path) -> list[Event]:
    """The events, checked for what holds in every timeline."""
    document = json.loads(path.read_text(encoding="utf-8"))
    assert set(document) == {"displayTimeUnit", "otherData", "traceEvents"}
    events: list[Event] = document["traceEvents"]
    for event in events:
        assert event["ph"] in "MXisf" and event["pid"] == 1 and event["tid"] >= 1 and event["name"], event
        assert event["ph"] == "M" or event["ts"] >= 0
    names = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    assert names == {pe + 1: f"PE {pe}" for pe in range(document["otherData"]["pes"])}
    check_nesting(events)
    check_arrows(events)
    return events


def ns(event: Event, field: str) -> int:
    return round(event[field] * 1000)


def slices(events: list[Event], tid: int) -> list[Event]:
    """In the order in which a viewer opens them."""
    found = [e for e in events if e["ph"] == "X" and e["tid"] == tid]
    return sorted(found, key=lambda e: (ns(e, "ts"), -ns(e, "dur")))


def check_nesting(events: list[Event]) -> None:
    for tid in {e["tid"] for e in events}:
        open_until: list[int] = []
        for event in slices(events, tid):
            begin, end = ns(event, "ts"), ns(event, "ts") + ns(event, "dur")
            assert end >= begin
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            assert not open_until or end <= open_until[-1], f"overlaps: {event}"
            open_until.append(end)


def check_arrows(events: list[Event]) -> None:
    """Each has two ends, one before the other, on two tracks, and something at each to hold on to."""
    begins = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = {e["id"]: e for e in events if e["ph"] == "f"}
    assert len(begins) == sum(e["ph"] == "s" for e in events) and len(ends) == sum(e["ph"] == "f" for e in events)
    assert set(begins) == set(ends)
    by_track = {tid: slices(events, tid) for tid in {e["tid"] for e in events}}
    for number, begin in begins.items():
        end = ends[number]
        assert ns(begin, "ts") <= ns(end, "ts") and begin["tid"] != end["tid"] and end["bp"] == "e"
        assert (begin["name"], begin["cat"]) == (end["name"], end["cat"])
        for event in (begin, end):
            at = ns(event, "ts")
            assert any(ns(s, "ts") <= at <= ns(s, "ts") + ns(s, "dur") for s in by_track[event["tid"]]), event


def count(events: list[Event], name: str, category: str) -> int:
    return sum(e["ph"] in "Xi" and e["name"] == name and e.get("cat") == category for e in events)


@pytest.mark.parametrize("n", (1, 2, 4))
def test_events_are_what_happened(n: int, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    assert "events are not in" not in holds(PROGRAM, n, options=["--trace", str(out)]).said
    events = read(out)
    assert count(events, "Worker.work", "method") == 2 * 4 * n
    assert count(events, "Worker.reduce_it", "method") == n
    assert count(events, "Worker.__init__", "constructor") == 4 * n + n
    assert count(events, "Worker.slow", "method") == n and count(events, "Worker.slow", "resumed") == 2 * n
    assert count(events, "create Worker.__init__", "creation") == 2
    assert count(events, "exit", "ending") == n
    assert count(events, "main", "main") == 1 and count(events, "main", "resumed") >= 1
    indices = [tuple(e["args"]["index"]) for e in events if e["name"] == "Worker.work" and e["ph"] == "X"]
    assert sorted(indices) == sorted(2 * [(i, j) for i in range(2 * n) for j in range(2)])
    assert all(e["args"]["bytes"] >= 0 for e in events if e.get("cat") == "method")
    assert not any(e.get("args", {}).get("unfinished") for e in events)
    arrows = sum(e["ph"] == "s" for e in events)
    assert arrows == 0 if n == 1 else arrows >= 4 * (n - 1)
    if n > 1:
        for tid in range(1, n + 1):
            assert any(e["tid"] == tid and e.get("cat") == "idle" for e in events)
        called = {(e["tid"], ns(e, "ts")) for e in events if e["name"] == "Worker.work" and e["ph"] == "X"}
        ends = {(e["tid"], ns(e, "ts")) for e in events if e["ph"] == "f"}
        assert len(called & ends) >= 4 * (n - 1), "calls from PE 0 are pointed at"


@pytest.mark.parametrize("how", ("os.kill(os.getpid(), signal.SIGKILL)", "charm.abort('over')", "os._exit(3)"))
def test_a_job_that_ends_badly_leaves_what_was_written(how: str, tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    text = f"""
    class Worker(Chare):
        def work(self):
            pass
        def end(self):
            {how}
    def main(args):
        group = Group(Worker)
        for _ in range(50):
            group[1].work(awaitable=True).get()
        group[1].end(awaitable=True).get()
    charm.start(main)
    """
    fails(text, 2, options=["--trace", str(out)])
    events = read(out)
    assert count(events, "Worker.work", "method") == 50
    ends = [e for e in events if e["name"] == "Worker.end" and e["ph"] == "X"]
    assert len(ends) == 1 and (ends[0]["args"].get("unfinished") or "abort" in how)


def test_interrupted_and_late_jobs_leave_it_too(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    text = """
    def main(args):
        print("sleeps", flush=True)
        charm.sleep(60)
    charm.start(main)
    """
    with job(text, 2, options=["--trace", str(out)]) as running:
        running.wait_for("sleeps")
        running.child.terminate()
        assert running.finish().status == 128 + 15
    assert count(read(out), "main", "main") == 1
    assert run(text, 2, options=["--trace", str(out), "--timeout", "1"]).status == 124
    read(out)


def test_what_is_beyond_the_limit_is_dropped_and_said(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    result = holds(PROGRAM, 2, options=["--trace", str(out), "--trace-limit", "20"])
    assert "events are not in" in result.stderr and "--trace-limit 20" in result.stderr
    events = read(out)
    for tid in (1, 2):
        assert 5 <= sum(e["tid"] == tid and e["ph"] in "Xi" and e["name"] != "pass on" for e in events) <= 20
    assert json.loads(out.read_text())["otherData"]["dropped"] > 0


def test_a_file_that_cannot_be_written_is_said_before_the_job_starts(tmp_path: Path) -> None:
    path = tmp_path / "missing" / "out.json"
    result = command("run", "-n", "2", "--trace", path, "prog.py", files={"prog.py": "print('started')"})
    assert result.status == 74 and f"cannot write the trace to '{path}': No such file" in result.stderr
    assert "started" not in result.said
    result = command("run", "-n", "2", "--trace", "/dev/full", "/bin/true")
    assert result.status == 74 and "No space left" in result.stderr


def test_programs_that_are_no_pes_and_old_files(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    out.write_text("x" * 10000)
    result = command("run", "-n", "2", "--trace", out, "prog.py", files={"prog.py": "print('plain')"})
    assert result.status == 1 and "without starting the runtime" in result.stderr  # as without --trace
    read(out)
    assert command("run", "-n", "2", "--trace", out, "/bin/true").status == 0
    assert [e["ph"] for e in read(out)] == ["M"] * 5


def test_names_are_text_whatever_they_are(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    text = """
    Odd = type('Größe"\\\\\\n', (Chare,), {"größe": lambda self: None, "__module__": "__main__"})
    Long = type("L" + "ä" * 200, (Chare,), {"go": lambda self: None, "__module__": "__main__"})
    def main(args):
        for kind in (Odd, Long):
            group = Group(kind)
            charm.awaitCreation(group)
        done()
    charm.start(main, classes=[Odd, Long])
    """
    holds(text, 2, options=["--trace", str(out)])
    assert any("Größe" in e["name"] for e in read(out))


MOVES = """
class Stone(Chare):
    def go(self):
        self.migrate((charm.myPe() + 1) % charm.numPes())
    def where(self):
        return charm.myPe()

def main(args):
    stones = Array(Stone, 6)
    before = stones.where(ret=True).get()
    stones.go(awaitable=True).get()
    charm.waitQD()
    eq("moved", stones.where(ret=True).get(), [(pe + 1) % charm.numPes() for pe in before])
    done()

charm.start(main)
"""


def test_elements_that_move_are_marked_where_they_leave_and_arrive(tmp_path: Path) -> None:
    """Migrations (issue 6, "Seeing it"): a mark at either end, an arrow between what holds them; in the profile too."""
    out = tmp_path / "out.json"
    text = "charm.options.profiling = True\n" + MOVES.replace("    done()", "    charm.printStats()\n    done()")
    table = holds(text, 2, options=["--trace", str(out)]).stdout
    (row,) = (line.split() for line in table.splitlines() if line.startswith("  migrating out "))
    assert row[2] == "3"
    events = read(out)
    moves = [e for e in events if e["ph"] == "i" and e["cat"] == "migration"]
    left = {tuple(e["args"]["index"]): e for e in moves if e["name"] == "leave Stone"}
    came = {tuple(e["args"]["index"]): e for e in moves if e["name"] == "arrive Stone"}
    assert len(moves) == 12 and sorted(left) == sorted(came) == [(i,) for i in range(6)]
    begins = {e["id"]: e for e in events if e["ph"] == "s"}
    ends = [(begins[e["id"]], e) for e in events if e["ph"] == "f"]
    for index, leaving in left.items():
        arriving = came[index]
        assert leaving["args"]["to"] == arriving["tid"] - 1 and arriving["args"]["from"] == leaving["tid"] - 1
        assert ns(leaving, "ts") <= ns(arriving, "ts")
        (out_of,) = (
            e for e in slices(events, leaving["tid"]) if e["cat"] == "migration" and e["args"]["index"] == list(index)
        )
        into = [e for e in slices(events, arriving["tid"]) if ns(e, "ts") <= ns(arriving, "ts") <= ns(e, "ts") + ns(e, "dur")]
        assert ns(out_of, "ts") <= ns(leaving, "ts") <= ns(out_of, "ts") + ns(out_of, "dur")
        assert any(
            s["tid"] == leaving["tid"]
            and ns(out_of, "ts") <= ns(s, "ts") <= ns(out_of, "ts") + ns(out_of, "dur")
            and any(f["tid"] == e["tid"] and ns(f, "ts") == ns(e, "ts") for e in into)
            for s, f in ends
        ), f"no arrow goes with element {index}"
