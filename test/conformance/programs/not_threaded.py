"""§7 §8: suspending outside a coroutine raises NotThreadedError that names the method and advises @coro."""
from charm4py import Chare, Group, charm, coro
from charm4py.threads import NotThreadedError


class P(Chare):
    def make(self):
        try:
            charm.createFuture()
        except NotThreadedError as e:
            return str(e)

    def block(self, other):
        try:
            other.get()
        except NotThreadedError as e:
            return str(e)

    def all(self):
        try:
            self.allreduce(1, None).get()
        except NotThreadedError as e:
            return str(e)

    def wait_(self):
        try:
            self.wait('self.x')
        except NotThreadedError as e:
            return str(e)

    def call(self):
        try:
            self.thisProxy[0].make(ret=True)
        except NotThreadedError as e:
            return str(e)

    @coro
    def fine(self):
        f = charm.createFuture()
        f(3)
        return f.get()


def main(args):
    g = Group(P)
    never = charm.Future()
    for got, name in ((g.make(ret=True).get(), 'make'), (g.all(ret=True).get(), 'all'),
                      (g.wait_(ret=True).get(), 'wait_'), (g.block(never, ret=True).get(), 'block')):
        for text in got:
            assert text and 'P.' + name in text and 'coro' in text, (name, text)
    assert g.fine(ret=True).get() == [3] * charm.numPes()
    print('OK')
    exit()


charm.start(main)
