"""Launches a job with an old launch line, through the command charmrun, and waits for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


def _command() -> str | None:
    """charmrun beside this Python, or on PATH."""
    beside = os.path.join(os.path.dirname(sys.executable), "charmrun")
    return beside if os.access(beside, os.X_OK) else shutil.which("charmrun")


def start(args: Sequence[str] | None = None) -> int:
    """Runs the launch line, sys.argv[1:] by default, and returns the job's exit code."""
    command = _command()
    if command is None:
        print("charmrun: there is no command charmrun beside this Python or on PATH", file=sys.stderr)
        return 1
    environment = os.environ | {"CHARIOT_PYTHON": os.environ.get("CHARIOT_PYTHON", sys.executable)}
    return subprocess.run([command, *(sys.argv[1:] if args is None else args)], env=environment).returncode


if __name__ == "__main__":
    sys.exit(start())
