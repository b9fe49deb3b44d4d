"""Balancers that programs write: what charm.options.lb.balancer may be, what plan() is given, and what it may give.

    class Spread:
        def plan(self, stats):
            return {obj: obj % stats.num_pes for obj in range(stats.num_objects) if stats.migratable[obj]}

    charm.options.lb.balancer = Spread        # or Spread(), or "module:Spread", or --balancer module:Spread
"""

from __future__ import annotations

import importlib
import os
import sys
import traceback
from array import array

from ._core import Charm4PyError, _balancer_names, charm

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import ModuleType
    from typing import Protocol

    class Balancer(Protocol):
        """plan() is called on PE 0 for each step, and says which objects are to move: pairs of an object's number and
        a PE, or a mapping from the one to the other."""

        def plan(self, stats: Stats) -> Iterable[tuple[int, int]] | Mapping[int, int] | None: ...


class Stats:
    """What was measured since the last step. Objects are elements of arrays, numbered from 0; times are seconds.

    Sequences of numbers are memoryviews: numpy.asarray() takes each without a copy, and plain Python indexes them.
    They are valid as long as anybody has them, and may not be written to.
    """

    __slots__ = (
        "num_pes",
        "num_objects",
        "loads",
        "pes",
        "sizes",
        "migratable",
        "background",
        "hosts",
        "indices",
        "edges",
        "edge_bytes",
    )

    num_pes: int
    num_objects: int
    loads: memoryview[float]  # per object, 'd': CPU seconds in its methods
    pes: memoryview[int]  # per object, 'I': where it lives
    sizes: memoryview[int]  # per object, 'I': bytes that its last move took; 0: it has not moved
    migratable: memoryview[bool]  # per object, '?': whether it may move now
    background: memoryview[float]  # per PE, 'd': CPU seconds that belong to no object
    hosts: memoryview[int]  # per PE, 'I': the host that it is on
    indices: memoryview[float]  # per object a row of as many 'd' as the longest index has dimensions
    edges: memoryview[int]  # two 'I' each: an object that sent, one that received
    edge_bytes: memoryview[float]  # per edge, 'd'

    def __init__(
        self,
        num_pes: int,
        loads: bytes,
        pes: bytes,
        sizes: bytes,
        migratable: bytes,
        background: bytes,
        hosts: bytes,
        indices: bytes,
        dims: int,
        edges: bytes,
        edge_bytes: bytes,
    ) -> None:
        self.num_pes = num_pes
        self.loads = memoryview(loads).cast("d")
        self.num_objects = len(self.loads)
        self.pes = memoryview(pes).cast("I")
        self.sizes = memoryview(sizes).cast("I")
        self.migratable = memoryview(migratable).cast("?")
        self.background = memoryview(background).cast("d")
        self.hosts = memoryview(hosts).cast("I")
        self.indices = memoryview(indices).cast("d")
        if dims > 0 and self.num_objects > 0:
            self.indices = memoryview(indices).cast("B").cast("d", (self.num_objects, dims))
        self.edges = memoryview(edges).cast("I")
        if len(self.edges) > 0:
            self.edges = memoryview(edges).cast("B").cast("I", (len(self.edges) // 2, 2))
        self.edge_bytes = memoryview(edge_bytes).cast("d")

    def pe_times(self) -> list[float]:
        """What each PE took: its objects and what belongs to none."""
        times = list(self.background)
        for load, pe in zip(self.loads, self.pes):
            times[pe] += load
        return times

    def __repr__(self) -> str:
        return f"<Stats of {self.num_objects} objects on {self.num_pes} PEs>"


# ---------------------------------------------------------------- who plans


def _module(name: str) -> ModuleType:
    """The program itself is there, under another name, and must not be run again."""
    main = sys.modules["__main__"]
    path = getattr(main, "__file__", None)
    return main if path is not None and os.path.splitext(os.path.basename(path))[0] == name else importlib.import_module(name)


def _import(text: str) -> object:
    module_name, _, class_name = text.partition(":")
    try:
        module = _module(module_name)
    except ModuleNotFoundError as error:
        if error.name != module_name:
            raise
        names = ", ".join(_balancer_names())
        raise Charm4PyError(
            f"no balancer {module_name!r}, and no module of that name that could hold {class_name}; there are {names}"
        ) from None
    if not hasattr(module, class_name):
        raise Charm4PyError(f"balancer {text!r}: module {module_name} has no {class_name}")
    return getattr(module, class_name)


def _is_name(text: str) -> bool:
    """Of a balancer of the runtime, with options or without; else it is module:Class."""
    module_name, _, class_name = text.partition(":")
    return module_name in _balancer_names() or not all(part.isidentifier() for part in [*module_name.split("."), class_name])


def settle(balancer: object) -> tuple[str | None, Balancer | None, str | None]:
    """The text for the runtime, or an object with plan(), needed on PE 0 alone, and what it is called."""
    if isinstance(balancer, str):
        if _is_name(balancer):
            return balancer, None, None
        if charm.myPe() != 0:
            return None, None, balancer
        balancer = _import(balancer)
    name = balancer.__name__ if isinstance(balancer, type) else type(balancer).__name__
    if charm.myPe() != 0:
        return None, None, name
    planner = balancer() if isinstance(balancer, type) else balancer
    if not callable(getattr(planner, "plan", None)):
        raise Charm4PyError(f"balancer {name} has no method plan(stats)")
    return None, planner, name  # type: ignore[return-value]


# ---------------------------------------------------------------- a step, on PE 0


def _check(number: object, what: str, limit: int) -> int:
    try:
        value = number.__index__()  # type: ignore[attr-defined]
    except AttributeError:
        raise TypeError(f"plan() gave {number!r} as the number of {what}") from None
    if not 0 <= value < limit:
        raise ValueError(f"plan() names {what} {value}: there are {limit}, numbered from 0")
    return int(value)


def _moves(stats: Stats, given: Iterable[tuple[int, int]] | Mapping[int, int] | None) -> array[int]:
    """Checked, as pairs one after the other."""
    if given is None:
        return array("I")
    moves, seen = array("I"), set()
    for move in given.items() if hasattr(given, "items") else given:
        try:
            obj, pe = move
        except (TypeError, ValueError):
            raise TypeError(f"plan() gives pairs (object, PE) or a mapping, not {move!r}") from None
        obj, pe = _check(obj, "object", stats.num_objects), _check(pe, "PE", stats.num_pes)
        if obj in seen:
            raise ValueError(f"plan() moves object {obj} twice")
        seen.add(obj)
        if pe == stats.pes[obj]:
            continue
        if not stats.migratable[obj]:
            raise ValueError(f"plan() moves object {obj}, which may not move (stats.migratable)")
        moves.extend((obj, pe))
    return moves


def plan(planner: Balancer, *data: object) -> bytes | None:
    """What planner says, for the runtime; None: it failed, which has been said, and nothing moves."""
    try:
        stats = Stats(*data)  # type: ignore[arg-type]
        return _moves(stats, planner.plan(stats)).tobytes()
    except Exception:
        name = type(planner).__name__
        sys.stderr.write(
            f"chariot: PE {charm.myPe()}, {name}.plan() failed; this step of load balancing moves nothing:\n"
            + traceback.format_exc()
        )
        return None
