"""Particles that drift (examples/drift.py) on 4 PEs, without a balancer and with one: the whole time of the phases, and
the part of it that steps of load balancing took. Run without the launcher: it starts both jobs."""

from __future__ import annotations

import re
import subprocess

CHARIOT = ".venv/bin/chariot"
WORK = ("examples/drift.py", "--particles", "28", "--phases", "20")


def run(*options: str) -> tuple[float, str]:
    """Seconds, and what the job said."""
    done = subprocess.run(
        [CHARIOT, "run", "-n", "4", *options, *WORK], capture_output=True, text=True, timeout=300, check=True
    )
    found = re.search(r"^([\d.]+) s on 4 PEs", done.stdout, re.M)
    assert found is not None, done.stdout + done.stderr
    return float(found[1]), done.stderr


without, _ = run()
balanced, said = run("--balancer", "greedy-refine", "--lb-log")
steps = [float(seconds) for seconds in re.findall(r"load balancing \d+ .*?([\d.]+) s$", said, re.M)]
assert steps, said
print(f"py.drift.without {without}")
print(f"py.drift.balanced {balanced}")
print(f"py.drift.steps {100 * sum(steps) / balanced}")
