"""A Python chare that foreign programs call (c/unary.h), until it is ended. Prints "at ADDRESS PID"."""

import os

from chariot import Chare, charm, expose


class Cell(Chare):
    @expose
    def add(self, amount: float) -> float:
        return amount


def main(args: list[str]) -> None:
    charm.publish("cell", Chare(Cell, onPE=0)).get()
    print("at", charm.serve("127.0.0.1:0", anyone=True), os.getpid(), flush=True)


charm.start(main)
