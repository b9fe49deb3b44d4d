"""The IPython and Jupyter face (§14, issue 3): a real notebook, run by nbclient in an ipykernel."""

from __future__ import annotations

import os
import subprocess
import textwrap
from pathlib import Path

import pytest
from harness import PYTHON

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")


def run(tmp_path: Path, *cells: str) -> list[str]:
    """What each cell shows; errors of cells are shown too, and the notebook goes on."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(textwrap.dedent(cell).strip()) for cell in cells])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    client = nbclient.NotebookClient(notebook, timeout=60, allow_errors=True, resources={"metadata": {"path": str(tmp_path)}})
    client.execute()
    return ["".join(shown(output) for output in cell.outputs) for cell in notebook.cells]


def shown(output: dict[str, object]) -> str:
    if output["output_type"] == "stream":
        return str(output["text"])
    if output["output_type"] == "error":
        return "ERROR " + "\n".join(output["traceback"])  # type: ignore[arg-type]
    return str(output["data"]["text/plain"])  # type: ignore[index]


def processes_of(directory: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(path / "cwd") == str(directory):
                found.append((path / "cmdline").read_bytes().decode())
        except OSError:
            pass
    return found


def test_a_notebook(tmp_path: Path) -> None:
    out = run(
        tmp_path,
        "%load_ext chariot",
        "kernel_s = 1\nprint('kernel')",
        "%chariot status",
        "%chariot start -n 3",
        "x = 20\ncharm.numPes()",
        """
        class A(Chare):
            def __init__(self):
                self.n = charm.myPe()

            def hi(self):
                print("hi from", self.n)

            def bad(self):
                raise ValueError("remote oops")

        g = Group(A)
        g.hi(awaitable=True).get()
        x + 1
        """,
        "1 / 0",
        "g[2].bad(awaitable=True).get()",
        "for i in range(3):\n    i\nx\nNone",
        "x == = 3",
        "'kernel_s' in globals(), x",
        "Future().get()",
        "%chariot status",
        "!echo shell",
        "%chariot start",
        "%chariot stop",
        "kernel_s + 1",
        "%chariot stop",
        "%chariot start -n 2",
        "class B(Chare):\n    def end(self): charm.exit(3)\nGroup(B)[1].end(); Future().get()",
        "%chariot status",
        "%chariot nonsense",
    )
    shown = iter(out)
    assert next(shown) == ""
    assert next(shown) == "kernel\n"
    assert "no job runs" in next(shown)
    assert "3 PEs" in next(shown)
    assert next(shown) == "3\n"
    assert sorted(next(shown).splitlines()) == ["21", "hi from 0", "hi from 1", "hi from 2"]
    error = next(shown)
    assert error.startswith("ERROR Traceback") and "1 / 0" in error and "ZeroDivisionError" in error
    error = next(shown)
    assert "Remote traceback, PE 2" in error and "ValueError: remote oops" in error
    assert next(shown) == ""
    assert "SyntaxError" in next(shown)
    assert next(shown) == "(False, 20)\n"
    assert "waits for what nothing in the job will bring" in next(shown)
    assert "a job runs" in next(shown)
    assert "shell" in next(shown)
    assert "runs already" in next(shown)
    assert "ended with status 0" in next(shown)
    assert next(shown) == "2"
    assert "no job runs" in next(shown)
    assert "2 PEs" in next(shown)
    assert "ERROR the job has ended with status 3" in next(shown)
    assert "no job runs" in next(shown)
    assert "usage: %chariot start" in next(shown)
    assert processes_of(tmp_path) == []


def test_the_kernel_s_end_is_the_job_s(tmp_path: Path) -> None:
    run(tmp_path, "%load_ext chariot\n%chariot start -n 2", "charm.numPes()")
    for _ in range(100):
        if not processes_of(tmp_path):
            return
        subprocess.run(["sleep", "0.1"], check=True)
    raise AssertionError(processes_of(tmp_path))


def test_without_ipython_the_package_does_not_need_it() -> None:
    code = "import sys, chariot; assert 'IPython' not in sys.modules; print(callable(chariot.load_ipython_extension))"
    done = subprocess.run([PYTHON, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"
