"""Chares in several modules, a main chare, and globals that are set on every PE.

    chariot run -n 4 examples/multi_module/main.py
"""
from __future__ import annotations

from collections import Counter

import goodbye
import hello

from chariot import Array, Chare, Group, charm


class Main(Chare):
    def __init__(self, args: list[str]) -> None:
        self.notes: Counter[str] = Counter()
        for module in ("hello", "goodbye"):
            charm.thisProxy.updateGlobals({"main_chare": self.thisProxy}, module, awaitable=True).get()
        hellos = Array(hello.SayHi, 6)
        goodbyes = Group(goodbye.SayHi)
        futures = [charm.Future(), charm.Future()]
        hellos.say(futures[0])
        goodbyes.say(futures[1])
        charm.wait(futures)
        charm.startQD(self.thisProxy.all_done)  # the notes may still be on their way

    def note(self, what: str) -> None:
        self.notes[what] += 1

    def all_done(self) -> None:
        print(f"{self.notes['hello']} hellos, {self.notes['goodbye']} goodbyes")
        charm.exit()


charm.start(Main, modules=["hello", "goodbye"])
