"""What `make bench` runs: programs that print "key value" lines, and commands whose whole time is the figure.

A program stands beside the floor of its rows, so that both are measured in the same minute.
"""

from __future__ import annotations

from dataclasses import dataclass

BENCH = "build/release/bench/"
PYTHON = ".venv/bin/python"
BALANCERS = ("greedy-refine", "gossip")
LANES = ("shm", "unix", "tcp")  # what `chariot run --transport` is given
HOSTS = "hosts of namespaces"  # no transport, but something that not every machine has
SWEEP_EVERY = 4  # curves over all sizes take long: every so many rounds


@dataclass(frozen=True)
class Source:
    """Prints figures. Without PEs: run without the launcher. `lane`: needs that transport; "" is the job's default."""

    name: str
    command: tuple[str, ...]
    pes: int = 0
    lane: str = ""
    every: int = 1


@dataclass(frozen=True)
class Timed:
    """A command whose whole time, in milliseconds, is the figure `key`."""

    key: str
    command: tuple[str, ...]
    pes: int = 0
    lane: str = ""


def lanes(name: str, command: str, *more: str, every: int = 1) -> tuple[Source, ...]:
    return tuple(Source(f"{name} {lane}", (command, lane, *more), 2, lane, every) for lane in LANES)


def on(pes: tuple[int, ...], name: str, command: str) -> tuple[Source, ...]:
    return tuple(Source(f"{name} {count}", (command,), count) for count in pes)


SOURCES = (
    Source("floor_ring", (BENCH + "floor_ring",)),
    Source("floor_grpc", (BENCH + "floor_grpc",)),
    *lanes("messages", BENCH + "messages"),
    Source("messages tls", (BENCH + "messages", "tls"), 2, "tls"),
    Source("between hosts", (PYTHON, "test/bench/between.py"), lane=HOSTS),
    *lanes("py_messages", "test/bench/py_messages.py"),
    Source("py_messages eight", ("test/bench/py_messages.py", "eight"), 8),
    Source("serve", (PYTHON, "test/bench/serve.py")),
    Source("floor_socket", (BENCH + "floor_socket",)),
    Source("floor_token", (BENCH + "floor_token",)),
    *on((2, 4, 8), "group", BENCH + "group"),
    *on((1, 2, 4, 8), "py_group", "test/bench/py_group.py"),
    *on((2, 4, 8), "py_pool", "test/bench/py_pool.py"),
    *on((4, 8), "section", BENCH + "section"),
    *on((2, 4), "py_section", "test/bench/py_section.py"),
    *on((2,), "migrate", BENCH + "migrate"),
    *on((2,), "py_migrate", "test/bench/py_migrate.py"),
    Source("load", (BENCH + "load",)),
    *on((2, 4), "py_balance", "test/bench/py_balance.py"),
    *(Source(f"py_balance {who} {n}", ("test/bench/py_balance.py", who), n) for n in (2, 4) for who in BALANCERS),
    Source("floor_local", (BENCH + "floor_local",)),
    Source("kernels", (BENCH + "kernels",)),
    Source("local", (BENCH + "local",)),
    Source("py_kernels", (PYTHON, "test/bench/py_kernels.py")),
    Source("py_floor", (PYTHON, "test/bench/py_floor.py")),
    Source("py_local", ("test/bench/py_local.py",), 1),
    Source("py_drift", (PYTHON, "test/bench/py_drift.py"), every=SWEEP_EVERY),
    *on((1, 2, 8), "py_create", "test/bench/py_create.py"),
    Source("sweep ring", (BENCH + "floor_ring", "sweep"), every=SWEEP_EVERY),
    Source("sweep socket", (BENCH + "floor_socket", "sweep"), every=SWEEP_EVERY),
    Source("sweep grpc", (BENCH + "floor_grpc", "sweep"), every=SWEEP_EVERY),
    *lanes("sweep messages", BENCH + "messages", "sweep", every=SWEEP_EVERY),
    *lanes("sweep py_messages", "test/bench/py_messages.py", "sweep", every=SWEEP_EVERY),
)

STARTS = (
    Timed("start.process", ("/bin/true",)),
    Timed("start.c.1", (BENCH + "empty",), 1),
    Timed("start.c.2", (BENCH + "empty",), 2),
    Timed("start.c.4", (BENCH + "empty",), 4),
    Timed("start.c.4.tcp", (BENCH + "empty",), 4, "tcp"),
    Timed("start.c.4.tls", (BENCH + "empty",), 4, "tls"),
    Timed("start.python", (PYTHON, "-c", "pass")),
    Timed("start.python.numpy", (PYTHON, "-c", "import numpy, greenlet")),
    Timed("start.py.1", ("test/bench/py_empty.py",), 1),
    Timed("start.py.2", ("test/bench/py_empty.py",), 2),
    Timed("start.py.4", ("test/bench/py_empty.py",), 4),
    Timed("start.py.8", ("test/bench/py_empty.py",), 8),
)

# Rows of the targets that Chariot has not got the means for yet; they come with these issues.
NOT_THERE: tuple[tuple[str, str], ...] = ()
