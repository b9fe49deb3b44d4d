"""Two single chares that talk to each other, wherever in the job they live.

    chariot run -n 2 examples/simple/chares.py
"""
from __future__ import annotations

from typing import Any

from chariot import Chare, charm
from chariot.threads import Future


class Player(Chare):
    def __init__(self, name: str) -> None:
        self.name = name

    def hit(self, opponent: Any, shots_left: int, done: Future[str]) -> None:
        """Plays the ball back, until somebody has no shot left."""
        print(f"{self.name} hits the ball on PE {charm.myPe()}")
        if shots_left > 1:
            opponent.hit(self.thisProxy, shots_left - 1, done)
        else:
            done.send(self.name)


def main(args: list[str]) -> None:
    ping = Chare(Player, args=["ping"], onPE=0)
    pong = Chare(Player, args=["pong"], onPE=charm.numPes() - 1)
    done: Future[str] = charm.Future()
    ping.hit(pong, 6, done)
    print(f"{done.get()} had the last shot")
    charm.exit()


charm.start(main)
