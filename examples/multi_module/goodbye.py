"""Another module with a class of the same name: the two have nothing to do with each other."""
from __future__ import annotations

from typing import Any

from chariot import Chare, charm
from chariot.threads import Future

main_chare: Any = None


class SayHi(Chare):
    def say(self, done: Future[None]) -> None:
        print(f"goodbye from PE {charm.myPe()}")
        main_chare.note("goodbye")
        self.reduce(done)
