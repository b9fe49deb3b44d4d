"""The commands of docs/manual/containers.md, run as they stand there.

    test/containers/page.py LABEL...        runs the blocks with these labels, one after the other, by podman as of engine.py
"""

from __future__ import annotations

import re
import subprocess
import sys

from engine import ROOT, Engine

PAGE = ROOT / "docs/manual/containers.md"
FENCE = re.compile(r"^```sh elsewhere ?(.*)\n((?:.*\n)*?)```$", re.M)
LOUD = "set -eux\n"  # a command that fails ends it


def blocks() -> dict[str, str]:
    """Commands by label."""
    return {label: text for label, text in FENCE.findall(PAGE.read_text())}


def main(labels: list[str]) -> int:
    with Engine() as engine:
        for label in labels:
            status = subprocess.run(["bash", "-c", LOUD + blocks()[label]], cwd=ROOT, env=engine.env).returncode
            if status != 0:
                print(f"page: {label}: status {status}", file=sys.stderr)
                return status
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
