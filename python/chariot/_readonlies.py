"""readonlies: what the entry sets on PE 0, before it first suspends, is there on every PE before anything else runs."""

from __future__ import annotations

from . import _core
from ._core import Charm4PyError

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from typing import Any


class Readonlies:
    """A namespace whose attributes every PE gets once, after the entry's first slice. Later changes stay where they are
    made."""

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_") or name.endswith("_"):
            raise Charm4PyError(f"readonlies.{name}: names that begin or end with '_' are not sent: choose another one")
        super().__setattr__(name, value)

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(
            f"readonlies has no {name!r}: the entry must set it before it first waits for anything, and every PE must "
            "have imported the name at module level (from chariot import readonlies), so that it waits for its values"
        )

    def __reduce__(self) -> str:
        return "readonlies"


readonlies = Readonlies()
_core._hold(vars(readonlies))
