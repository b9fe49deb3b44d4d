"""A module of chares: main.py names it to charm.start(), which registers its classes on every PE."""
from __future__ import annotations

from typing import Any

from chariot import Chare, charm
from chariot.threads import Future

main_chare: Any = None  # set on every PE by main.py, through charm.thisProxy.updateGlobals()


class SayHi(Chare):
    def say(self, done: Future[None]) -> None:
        print(f"hello from element {self.thisIndex} on PE {charm.myPe()}")
        main_chare.note("hello")
        self.reduce(done)
