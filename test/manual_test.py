"""The manual of the C API: every public function stands in a table of exactly one page of docs/manual/c."""

from __future__ import annotations

import re
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted((ROOT / "docs/manual/c").glob("*.md"))
HEADERS = re.search(r"^PUBLIC_H := (.*)$", (ROOT / "Makefile").read_text(), re.M)
CELL = re.compile(r"^\| (`chariot_.*?) \|", re.M)
NAME = re.compile(r"\bchariot_\w+(?=\()")


def functions() -> set[str]:
    """What the public headers declare, without their comments and macros."""
    assert HEADERS is not None
    found = set()
    for header in HEADERS[1].split():
        text = re.sub(r"/\*.*?\*/", "", (ROOT / header).read_text(), flags=re.S)
        text = re.sub(r"^#.*(\\\n.*)*", "", text, flags=re.M)
        found |= set(NAME.findall(text))
    return found


def test_every_function_is_on_one_page() -> None:
    pages = defaultdict(set)
    for page in PAGES:
        for cell in CELL.findall(page.read_text()):
            for name in NAME.findall(cell):
                pages[name].add(page.name)
    declared = functions()
    assert len(declared) > 150
    assert sorted(declared - pages.keys()) == [], "in no table of docs/manual/c"
    assert sorted(pages.keys() - declared) == [], "in docs/manual/c, and in no public header"
    assert {name: where for name, where in pages.items() if len(where) > 1} == {}


def test_every_page_is_in_the_list() -> None:
    index = (ROOT / "docs/manual/c/README.md").read_text()
    assert [page.name for page in PAGES if f"]({page.name})" not in index] == ["README.md"]
    assert "(c/README.md)" in (ROOT / "docs/manual/README.md").read_text()
