"""§11: self channels: one end created, or two; main chare and elements; channel with the main chare."""
from charm4py import Channel, Chare, Group, charm, coro


class E(Chare):
    def __init__(self, main):
        self.main = main

    @coro
    def echo(self):
        ch = Channel(self, remote=self.main)
        while True:
            x = ch.recv()
            if x is None:
                break
            ch.send(x * 2)
        me = Channel(self, remote=self.thisProxy[self.thisIndex])
        me.send(1, 2)
        me.send([3])
        assert me.recv() == (1, 2)
        assert me.recv() == [3]
        return 'ok'


class Main(Chare):
    def __init__(self, args):
        g = Group(E, args=[self.thisProxy])
        done = g.echo(ret=True)
        chans = [Channel(self, remote=g[pe]) for pe in range(charm.numPes())]
        for k in range(5):
            for pe, c in enumerate(chans):
                c.send('%d-%d;' % (pe, k))
            for pe, c in enumerate(chans):
                assert c.recv() == '%d-%d;' % (pe, k) * 2
        for c in chans:
            c.send(None)
        assert done.get() == ['ok'] * charm.numPes()
        me = Channel(self, remote=self.thisProxy)
        me.send('x')
        assert me.recv() == 'x'
        print('OK')
        exit()


charm.start(Main)
