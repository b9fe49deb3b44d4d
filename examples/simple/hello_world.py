"""A group has one chare on every PE; a broadcast calls them all.

    chariot run -n 4 examples/simple/hello_world.py
"""
from __future__ import annotations

from chariot import Chare, Group, charm


class Hello(Chare):
    def __init__(self, greeting: str) -> None:
        self.greeting = greeting

    def say(self, whom: str) -> None:
        print(f"{self.greeting} {whom}, from PE {self.thisIndex}")


def main(args: list[str]) -> None:
    hellos = Group(Hello, args=["hello"])
    charm.awaitCreation(hellos)
    hellos.say("world", awaitable=True).get()  # returns once every element has said it
    charm.exit()


charm.start(main)
