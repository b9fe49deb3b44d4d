"""What the documents show is run: programs and commands, with the output that stands below them. Run after `make all`.

A page is read from top to bottom, in a directory of its own:

    ```python sum.py            a program, which commands below it may name; without a name: code of no one file, compiled
    ```c sum.c                  the same in C: commands below it compile it, by pkg-config as with an installed Chariot
    ```sh                       commands, one a line, run in that directory; `  # status N` behind one that ends so
    ```text                     what the commands just above print: every line, in any order; `...` stands for any lines
    ```sh elsewhere             commands that another test runs: test/bare_root.sh, test_interactive.py
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in [ROOT / "README.md", *ROOT.glob("docs/**/*.md")] if "decisions" not in path.parts)
FENCE = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```$", re.M | re.S)


class Block(NamedTuple):
    line: int
    language: str
    words: list[str]
    text: str


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text()
    for found in FENCE.finditer(text):
        yield Block(text.count("\n", 0, found.start()) + 1, found[1], found[2].split(), found[3])


@pytest.fixture(scope="session")
def prefix(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `make install` makes, of links: headers, library and chariot.pc."""
    prefix = tmp_path_factory.mktemp("prefix")
    (prefix / "include").mkdir()
    (prefix / "include/chariot").symlink_to(ROOT / "build/release/include")
    (prefix / "lib").symlink_to(ROOT / "build/release")
    template = (ROOT / "tools/chariot.pc.in").read_text()
    (prefix / "chariot.pc").write_text(re.sub("@.*?@", "", template.replace("@PREFIX@", str(prefix)).replace("@VERSION@", "0")))
    return prefix


def run(commands: str, directory: Path, prefix: Path) -> str:
    env = {name: value for name, value in os.environ.items() if not name.startswith("CHARIOT_")}
    env["PATH"] = f"{ROOT / '.venv/bin'}:{env['PATH']}"
    env |= {"PKG_CONFIG_PATH": str(prefix), "LD_LIBRARY_PATH": str(prefix / "lib")}
    said = ""
    for line in filter(None, commands.splitlines()):
        command, _, remark = line.partition("  # ")
        status = int(remark.removeprefix("status ")) if remark.startswith("status ") else 0
        done = subprocess.run(
            ["bash", "-c", command], cwd=directory, env=env, capture_output=True, text=True, timeout=60,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
        said += done.stdout
        assert done.returncode == status, f"{command}: status {done.returncode}\n{said}{done.stderr}"
    return said


def assert_said(expected: str, said: str) -> None:
    lines = [line.rstrip() for line in said.splitlines()]
    wanted = [line.rstrip() for line in expected.splitlines()]
    loose = "..." in wanted
    for line in wanted:
        if line == "...":
            continue
        assert line in lines, f"{line!r} was not printed:\n{said}"
        lines.remove(line)
    assert loose or not [line for line in lines if line], f"more was printed than the page says:\n{said}"


@pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])
def test_what_the_page_shows_runs(page: Path, tmp_path: Path, prefix: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    said = None
    for block in blocks(page):
        try:
            if block.language in ("python", "c") and block.words:
                (tmp_path / block.words[0]).write_text(block.text)
            elif block.language == "python":
                compile(block.text, str(page), "exec")
            elif block.language == "sh" and "elsewhere" not in block.words:
                said = run(block.text, tmp_path, prefix)
                continue
            elif block.language == "text" and said is not None:
                assert_said(block.text, said)
        except (AssertionError, SyntaxError, subprocess.TimeoutExpired) as error:
            pytest.fail(f"{page.relative_to(ROOT)}:{block.line}: {error}")
        said = None
