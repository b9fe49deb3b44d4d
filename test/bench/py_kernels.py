"""What CPython's own operations cost here, to set beside their cost on the machine of the targets (see machine.py)."""

from __future__ import annotations

import importlib.util
import pickle
import sys
from collections.abc import Callable
from itertools import repeat
from pathlib import Path
from types import ModuleType
from typing import Any

import greenlet
from bench import report

BUILT = Path(__file__).resolve().parents[2] / "build/release/bench/kernels.so"
BATCHES = 25
COUNT = 2_000


def load() -> ModuleType:
    spec = importlib.util.spec_from_file_location("kernels", BUILT)
    if spec is None or spec.loader is None:
        sys.exit(f"{BUILT} is not there: make benches")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Plain:
    def nothing(self) -> None:
        pass

    def two(self, a: object, b: object) -> None:
        pass


class Ready:
    """Never ready, and costs nothing to ask: the iterator is C."""

    def __await__(self) -> Any:
        return repeat(None)


async def waiting() -> None:
    await Ready()


def switching() -> None:
    parent = greenlet.getcurrent().parent
    assert parent is not None
    while True:
        parent.switch()


def measure(key: str, run: Callable[[], int]) -> None:
    """`run` does COUNT operations, and returns their nanoseconds."""
    run()
    for _ in range(BATCHES):
        report(f"kernel.py.{key}", run() / COUNT)


def main() -> None:
    kernels = load()
    plain, small = Plain(), (1, "add", 2.5)
    packed = pickle.dumps(small, 5)
    other = greenlet.greenlet(switching)
    other.switch()
    measure("call", lambda: int(kernels.vectorcall(COUNT, plain.nothing)))
    measure("call2", lambda: int(kernels.vectorcall(COUNT, plain.two, 1, 2)))
    measure("tuple_dict", lambda: int(kernels.tuple_dict(COUNT)))
    measure("send", lambda: int(kernels.send(COUNT, waiting())))
    measure("gil", lambda: int(kernels.gil(COUNT)))
    measure("dumps", lambda: int(kernels.vectorcall(COUNT, pickle.dumps, small, 5)))
    measure("loads", lambda: int(kernels.vectorcall(COUNT, pickle.loads, packed)))
    measure("greenlet", lambda: int(kernels.vectorcall(COUNT, other.switch)))


main()
