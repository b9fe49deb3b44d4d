"""The house rules that no compiler checks. Usage: lint.py RULE... [--root DIR]; prints each breach, status 1 if any.

layers   includes follow rpc <- objects <- {sections, lb} <- python; foreign headers stay in their room
globals  no object of rpc/, objects/, sections/ or lb/ holds writable data (looks at build/release)
words    no marker of unfinished work in any file
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOMS = {
    "rpc": {"rpc"},
    "objects": {"rpc", "objects"},
    "sections": {"rpc", "objects", "sections"},
    "lb": {"rpc", "objects", "lb"},
    "python": {"python"},
    "deploy": {"rpc", "deploy"},
    "examples": {"examples"},
}
PUBLIC = {"lb/lb.h", "lb/plan.h", "objects/chariot.h", "objects/value.h", "rpc/error.h", "sections/sections.h", "sections/tree.h"}  # what a face may use of rooms below
FOREIGN = [  # headers, and the rooms that may name them
    (re.compile(r"grpc/|grpc\+\+/"), {"rpc"}),
    (re.compile(r"ev\.h$|protobuf-c/|.*\.pb-c\.h$"), {"rpc", "deploy"}),
    (re.compile(r"Python\.h$|structmember\.h$|numpy/|greenlet"), {"python"}),
]
APART = "examples/clients"  # programs of their own, which know nothing of the rooms
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')


def layers(root: Path) -> Iterator[str]:
    for room, may in ROOMS.items():
        for path in sorted([*root.glob(f"{room}/**/*.c"), *root.glob(f"{room}/**/*.h")]):
            if (root / APART) in path.parents:
                continue
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if match := INCLUDE.match(line):
                    if why := include_breach(room, may, match[1] == '"', match[2]):
                        yield f"{path.relative_to(root)}:{number}: {why}"


def include_breach(room: str, may: set[str], quoted: bool, name: str) -> str | None:
    for pattern, rooms in FOREIGN:
        if pattern.match(name):
            return None if room in rooms else f"{room}/ includes {name}, which belongs to {', '.join(sorted(rooms))}"
    if not quoted:
        return None
    if "/" not in name:
        return f'include "{name}" by its path from the root'
    to = name.split("/")[0]
    if to in may or (room in ("python", "examples") and name in PUBLIC):
        return None
    return f"{room}/ must not include {name}: {to}/ is not below it"


def globals_(root: Path) -> Iterator[str]:
    objects = [o for room in ("rpc", "objects", "sections", "lb") for o in sorted(root.glob(f"build/release/{room}/*.o"))]
    if not objects:
        yield "build/release holds no objects: run make lib"
        return
    table = subprocess.run(["nm", "-A", "-f", "sysv", *map(str, objects)], capture_output=True, text=True, check=True)
    for line in table.stdout.splitlines():
        cells = [cell.strip() for cell in line.split("|")]
        if len(cells) != 7:
            continue
        section = cells[6]
        if section.startswith(".data.rel.ro"):  # constants that hold addresses
            continue
        if re.match(r"\.(data|bss|tdata|tbss)\b|\*COM\*", section) and cells[3] in ("OBJECT", "TLS"):
            file, _, name = cells[0].rpartition(":")
            yield f"{Path(file).relative_to(root)}: {name} is writable and global ({section})"


def words(root: Path) -> Iterator[str]:
    marks = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX")) + r")\b")
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-co", "--exclude-standard"], capture_output=True, text=True, check=True
    )
    for name in listed.stdout.splitlines():
        path = root / name
        if not path.is_file() or path.name == "LICENSE":
            continue
        try:
            lines = path.read_text().splitlines()
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(lines, 1):
            if match := marks.search(line):
                yield f"{name}:{number}: {match[0]}"


RULES = {"layers": layers, "globals": globals_, "words": words}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="+", choices=RULES)
    parser.add_argument("--root", type=Path, default=Path(__file__).resolve().parents[2])
    args = parser.parse_args()
    breaches = [f"{breach} [{rule}]" for rule in args.rules for breach in RULES[rule](args.root.resolve())]
    print("".join(f"{breach}\n" for breach in breaches), end="")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())
