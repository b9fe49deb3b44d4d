"""Hello from every PE, in turn: a ring of chares.

    chariot run -n 4 examples/hello.py
"""
from __future__ import annotations

from chariot import Chare, Group, charm
from chariot.threads import Future


class Greeter(Chare):
    def greet(self, text: str, done: Future[str]) -> None:
        print(f"{text}, this is PE {charm.myPe()}", flush=True)
        if charm.myPe() + 1 < charm.numPes():
            self.thisProxy[charm.myPe() + 1].greet(f"{text} again", done)
        else:
            done.send(f"{charm.numPes()} greetings")


def main(args: list[str]) -> None:
    greeters = Group(Greeter)
    done: Future[str] = charm.Future()
    greeters[0].greet("hello", done)
    print(done.get())
    charm.exit()


charm.start(main)
