"""The smallest program: an entry function, which runs on PE 0 while the other PEs wait for work.

    chariot run -n 4 examples/simple/start.py
"""
from __future__ import annotations

from chariot import charm


def main(args: list[str]) -> None:
    print(f"{args[0]} runs on {charm.numPes()} PEs; this is PE {charm.myPe()} of host {charm.myHost()}")
    charm.exit()


charm.start(main)
