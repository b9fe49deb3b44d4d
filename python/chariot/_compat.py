"""Names that programs of Charm4py use and later releases of it took away: thin aliases with DeprecationWarning."""

from __future__ import annotations

from ._core import Chare, Charm, Reducer, charm

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from typing import Any, NoReturn

    from ._core import Future


def _old(old: str, new: str) -> None:
    import warnings

    warnings.warn(f"{old} is an old name: use {new}", DeprecationWarning, stacklevel=3)


def CkMyPe() -> int:
    _old("CkMyPe()", "charm.myPe()")
    return charm.myPe()


def CkNumPes() -> int:
    _old("CkNumPes()", "charm.numPes()")
    return charm.numPes()


def CkExit(exit_code: object = 0) -> NoReturn:
    _old("CkExit()", "charm.exit()")
    charm.exit(exit_code)


def CkAbort(message: object) -> NoReturn:
    _old("CkAbort()", "charm.abort()")
    charm.abort(message)


# ---------------------------------------------------------------- methods of charm


def allReduce(self: Charm, data: Any, reducer: Any, chare: Chare) -> Future[Any]:
    _old("charm.allReduce(data, reducer, chare)", "chare.allreduce(data, reducer)")
    return chare.allreduce(data, reducer)


def barrier(self: Charm, chare: Chare) -> None:
    """Waits, in a coroutine, until all elements of chare's collection have called it."""
    _old("charm.barrier(chare)", "chare.allreduce().get()")
    chare.allreduce().get()


def physicalNodeID(self: Charm, pe: int) -> int:
    _old("charm.physicalNodeID(pe)", "charm.getPeHost(pe)")
    return self.getPeHost(pe)


def physicalRank(self: Charm, pe: int) -> int:
    _old("charm.physicalRank(pe)", "charm.getPeHostRank(pe)")
    return self.getPeHostRank(pe)


def numPhysicalNodes(self: Charm) -> int:
    _old("charm.numPhysicalNodes()", "charm.numHosts()")
    return self.numHosts()


def firstPeOnPhysicalNode(self: Charm, node: int) -> int:
    _old("charm.firstPeOnPhysicalNode(node)", "charm.getHostFirstPe(host)")
    return self.getHostFirstPe(node)


def numPesOnPhysicalNode(self: Charm, node: int) -> int:
    _old("charm.numPesOnPhysicalNode(node)", "charm.getHostNumPes(host)")
    return self.getHostNumPes(node)


def getPesOnPhysicalNode(self: Charm, node: int) -> list[int]:
    _old("charm.getPesOnPhysicalNode(node)", "charm.getHostPes(host)")
    return self.getHostPes(node)


# ---------------------------------------------------------------- methods of chares


def gather(self: Chare, data: Any, callback: Any) -> None:
    _old("self.gather(data, callback)", "self.reduce(callback, data, Reducer.gather)")
    self.reduce(callback, data, Reducer.gather)


def migrateMe(self: Chare, toPe: int) -> None:
    _old("self.migrateMe(toPe)", "self.migrate(toPe)")
    self.migrate(toPe)


# ---------------------------------------------------------------- in their places

for _method in (
    allReduce,
    barrier,
    physicalNodeID,
    physicalRank,
    numPhysicalNodes,
    firstPeOnPhysicalNode,
    numPesOnPhysicalNode,
    getPesOnPhysicalNode,
):
    setattr(Charm, _method.__name__, _method)
for _of_chares in (gather, migrateMe):
    setattr(Chare, _of_chares.__name__, _of_chares)
