"""Chares of two modules, with classes of the same name and globals of their own. Rows: §3.1 modules, §3.5, §5.2."""

from charm4py import charm, Chare, Group, Array
import parts.hello
from parts import bye


class Main(Chare):

    def __init__(self, args):
        charm.wait(
            [
                charm.thisProxy.updateGlobals({"G1": "hello", "mainp": self.thisProxy}, "parts.hello", awaitable=True),
                charm.thisProxy.updateGlobals({"G1": "b"}, module_name="parts.bye", awaitable=True),
            ]
        )
        self.n = 0
        self.h = Group(parts.hello.Hello)
        self.b = Array(bye.Bye, 4)
        assert self.h.say(ret=True).get() == ["hello"] * charm.numPes()
        assert self.b.say(ret=True).get() == [("bye", "b")] * 4
        a, b = (Group(parts.hello.Same), Group(bye.Same))
        assert a[0].who(ret=True).get() == "hello.Same" and b[0].who(ret=True).get() == "bye.Same"
        assert a != b and a[0] != b[0]
        self.h.done(self.thisProxy.done)
        self.b.done(self.thisProxy.done)

    def done(self):
        self.n += 1
        if self.n == 2:
            print("OK")
            charm.exit()


charm.start(Main, modules=["parts.hello", "parts.bye"])
