"""A ring round the PEs: each member of a group greets the next, and the last ends the job.

    chariot run -n 4 examples/hello/group_hello.py
"""
from __future__ import annotations

from chariot import Chare, Group, charm


class Hello(Chare):
    def say_hi(self, number: int) -> None:
        print(f"Hi[{number}] from PE {self.thisIndex}")
        if self.thisIndex + 1 < charm.numPes():
            self.thisProxy[self.thisIndex + 1].say_hi(number + 1)
        else:
            charm.exit()


def main(args: list[str]) -> None:
    Group(Hello)[0].say_hi(17)


charm.start(main)
