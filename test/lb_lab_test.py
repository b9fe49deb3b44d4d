"""`chariot lb-lab` from outside: what it prints, draws and refuses. Run after `make launcher`."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import xml.etree.ElementTree
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
CHARIOT = ROOT / "build/release/bin/chariot"
BLOCKS = ROOT / "examples/data/blocks.tasks.csv"
HEAD = "phase,rank,object,migratable,time\n"


def lab(*words: object, status: int = 0) -> str:
    done = subprocess.run([CHARIOT, "lb-lab", *map(str, words)], capture_output=True, text=True, timeout=60)
    assert done.returncode == status, done.stdout + done.stderr
    return done.stdout if status == 0 else done.stderr


def scores(*words: object) -> list[dict[str, Any]]:
    (trace,) = json.loads(lab(*words, "--json"))
    phases: list[dict[str, Any]] = trace["phases"]
    return phases


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_figures_of_a_phase_are_what_the_trace_says() -> None:
    (row,) = scores(BLOCKS, "--pes", 4, "--balancer", "none")
    assert row["pes"] == 4 and row["objects"] == 9 and row["moves"] == 0
    assert row["average"] == pytest.approx(2.0) and row["bound"] == pytest.approx(2.0)
    assert row["max_before"] == row["max_after"] == pytest.approx(4.0)
    assert row["between_after"] == pytest.approx(9 / 11)


@pytest.mark.parametrize("name", ["greedy", "greedy-refine:tolerance=1", "refine:tolerance=1", "GreedyLB"])
def test_the_known_optimum_is_found(name: str) -> None:
    (row,) = scores(BLOCKS, "--pes", 4, "--balancer", name)
    assert row["max_after"] == pytest.approx(2.0)


def test_a_later_phase_judges_and_objects_that_are_new_there_stay(tmp_path: Path) -> None:
    rows = "0,0,1,1,2\n0,0,2,1,2\n1,0,1,1,1\n1,0,2,1,3\n1,1,3,1,1\n"
    first, second = scores(write(tmp_path / "a.csv", HEAD + rows), "--balancer", "greedy")
    assert first["max_after"] == 2 and first["next_stayed"] == pytest.approx(4 / 3)
    assert first["next"] in (pytest.approx(1), pytest.approx(4 / 3))
    assert "next" not in second


def test_forecasts_follow_what_grows(tmp_path: Path) -> None:
    rows = "".join(f"{p},0,1,1,{1 + 2 * p}\n{p},0,2,1,5\n{p},1,3,1,5\n" for p in range(4))
    trace = write(tmp_path / "a.csv", HEAD + rows)
    plain, foretold = (scores(trace, "--balancer", "greedy", *more) for more in ((), ("--forecast",)))
    assert [row["bound"] for row in plain] == [row["bound"] for row in foretold]  # judged on what was, not on forecasts


def test_compressed_traces_and_other_columns_are_read(tmp_path: Path) -> None:
    text = "time,x,phase,note,rank,object,migratable,bytes,y\n1.5,0,0,a,0,7,1,100,0\n1.5,1,0,b,0,8,1,50,0\n"
    with gzip.open(tmp_path / "t.tasks.csv.gz", "wt") as file:
        file.write(text)
    (row,) = scores(tmp_path / "t.tasks.csv.gz", "--pes", 2, "--balancer", "bisect")
    assert row["max_after"] == 1.5 and row["moves"] == 1 and row["moved_bytes"] in (50, 100)


def vt_file(rank: int, tasks: list[tuple[int, float]], sent: list[tuple[int, int, float]]) -> dict[str, Any]:
    def entity(number: int) -> dict[str, Any]:
        return {"home": rank, "id": number, "migratable": number != 9, "type": "object", "index": [number, 0]}

    return {
        "metadata": {"type": "LBDatafile", "rank": rank},
        "phases": [
            {
                "id": 0,
                "tasks": [{"entity": entity(n), "node": rank, "resource": "cpu", "time": time} for n, time in tasks],
                "communications": [
                    {"type": "SendRecv", "bytes": size, "messages": 1, "from": entity(a), "to": entity(b)}
                    for a, b, size in sent
                ],
            }
        ],
    }


def test_files_of_vt_are_one_trace(tmp_path: Path) -> None:
    files = [vt_file(0, [(1, 1.0), (2, 2.0), (9, 1.0)], [(1, 5, 100.0)]), vt_file(1, [(5, 1.0)], [(5, 2, 50.0)])]
    paths = [write(tmp_path / f"data.{rank}.json", json.dumps(file)) for rank, file in enumerate(files)]
    (row,) = scores(*paths, "--balancer", "greedy")
    assert row["pes"] == 2 and row["objects"] == 4 and row["average"] == 2.5
    assert row["between_before"] == 1.0 and row["max_after"] == 3.0


def test_the_picture_shows_every_pe_before_and_after(tmp_path: Path) -> None:
    picture = tmp_path / "a.svg"
    lab(BLOCKS, "--pes", 4, "--balancer", "greedy", "--svg", picture)
    bars = [node for node in xml.etree.ElementTree.parse(picture).iter() if node.tag.endswith("title")]
    assert len(bars) == 8
    lab(BLOCKS, "--pes", 5000, "--balancer", "greedy", "--svg", picture)
    xml.etree.ElementTree.parse(picture)
    assert "No such file" in lab(BLOCKS, "--balancer", "none", "--svg", tmp_path / "no/a.svg", status=74)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ":1: the file is empty"),
        ("phase,rank,object,time\n", ":1: there is no column 'migratable'"),
        (HEAD, ":2: there is no task"),
        (HEAD + "0,0,1,1,1\n0,0,2,1\n", ":3: 4 fields, but the first line names 5"),
        (HEAD + "0,0,1,1,1,5\n", ":2: more fields than the first line names"),
        (HEAD + "\n0,0,1,1,abc\n", ":3: time 'abc' is not a number"),
        (HEAD + "0,0,1,1,nan\n", ":2: time 'nan' is not finite"),
        (HEAD + "0,0,1,1,-1\n", ":2: time -1 is negative"),
        (HEAD + "0,-1,1,1,1\n", ":2: rank '-1' is not a whole number"),
        (HEAD + "0,0.5,1,1,1\n", ":2: rank '0.5' is not a whole number"),
        (HEAD + "0,99999999,1,1,1\n", ":2: rank '99999999' is not a whole number from 0 to"),
        (HEAD + "0,0,1,2,1\n", ":2: migratable '2' is not"),
        (HEAD + "0,0,1,1,1\n0,1,1,1,1\n", ": object 1 stands twice in phase 0"),
        (HEAD + "0,0,1,1," + 5000 * "1", ":2: the line is too long"),
    ],
)
def test_malformed_csv_is_refused_by_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    trace = write(tmp_path / "a.tasks.csv", text)
    assert f"{trace}{said}" in lab(trace, "--balancer", "greedy", status=1)


def test_malformed_edges_are_refused_and_strangers_left_out(tmp_path: Path) -> None:
    trace = write(tmp_path / "a.tasks.csv", HEAD + "0,0,1,1,1\n0,0,2,1,1\n")
    edges = write(tmp_path / "a.comm.csv", "phase,from,to,messages,bytes\n0,1,2,1,-5\n")
    assert f"{edges}:2: bytes -5 are negative" in lab(trace, "--balancer", "greedy", status=1)
    edges.write_text("phase,from,to,messages,bytes\n0,1,2,1,5\n0,1,77,1,5\n3,1,2,1,5\n")
    assert "2 messages from or to what has no task" in lab(trace, "--balancer", "greedy")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", ":1:1: "),
        ('{\n"a": }', ":2:"),
        ("{}", "there is no list 'phases'"),
        ('{"phases": [{"id": 0, "tasks": [{"node": 0, "time": 1}]}]}', ".phases[0].tasks[0]: there is no entity"),
        ('{"phases": [{"id": 0, "tasks": [{"entity": {"id": 1}, "time": 1}]}]}', "tasks[0]: there is no 'node'"),
        ('{"phases": [{"id": 0, "tasks": [{"entity": {"id": 1}, "node": 0, "time": "a"}]}]}', "'time' is not a number"),
        ('{"phases": [{"id": 0, "tasks": 5}]}', "is no list"),
        ('{"phases": [{"tasks": []}]}', ".phases[0]: there is no 'id'"),
        ('{"phases": []}', "there is no task"),
    ],
)
def test_malformed_json_is_refused_by_file_and_place(tmp_path: Path, text: str, said: str) -> None:
    trace = write(tmp_path / "a.json", text)
    message = lab(trace, "--balancer", "greedy", status=1)
    assert str(trace) in message and said in message


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["x.csv"], "no --balancer NAME"),
        (["--balancer", "greedy"], "no trace"),
        (["x.csv", "--balancer", "greeedy"], "no balancer 'greeedy'; there are none, greedy"),
        (["x.csv", "--balancer", "refine:tol=1"], "refine has no option 'tol'; it has tolerance, moves"),
        (["x.csv", "--balancer"], "this option needs a value: --balancer"),
        (["x.csv", "--colour"], "no option --colour"),
        (["x.csv", "--balancer", "greedy", "--pes", "0"], "not a number that fits here: 0"),
    ],
)
def test_a_wrong_command_line_is_told(words: list[str], said: str) -> None:
    assert said in lab(*words, status=2)


def test_what_cannot_be_done_is_told(tmp_path: Path) -> None:
    assert "No such file" in lab(tmp_path / "none.csv", "--balancer", "greedy", status=1)
    assert "bisect needs coordinates" in lab(BLOCKS, "--balancer", "bisect", status=1)
    assert "no such phase" in lab(BLOCKS, "--balancer", "greedy", "--phase", 7, status=1)


def test_without_scotch_graph_says_what_to_install_and_others_work(tmp_path: Path) -> None:
    write(tmp_path / "libscotch-7.0.so", "no library")
    env = {"LD_LIBRARY_PATH": str(tmp_path)}
    command = [str(CHARIOT), "lb-lab", str(BLOCKS), "--pes", "4", "--balancer"]
    done = subprocess.run([*command, "graph"], capture_output=True, text=True, env=env)
    assert done.returncode == 1 and "apt-get install libscotch-7.0" in done.stderr
    assert subprocess.run([*command, "greedy"], capture_output=True, env=env).returncode == 0


def test_help_lists_balancers_with_their_sources_and_options() -> None:
    said = lab("--help")
    for word in ("GreedyRefineLB", "SAND2019-5139", "tolerance=", "Berger, Bokhari"):
        assert word in said


def test_the_targets_that_take_a_moment_are_reached() -> None:
    bench: list[str | Path] = [sys.executable, ROOT / "test/bench/lb_bench.py", "--quick"]
    said = subprocess.run(bench, capture_output=True, text=True, timeout=100).stdout
    assert said.count(" yes\n") >= 13, said
