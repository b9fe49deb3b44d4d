"""§11: thousands of messages without a reader (bounded memory with back-pressure, no error), both ways, late receiver."""
from charm4py import Channel, Chare, Group, Array, charm, coro


class S(Chare):
    @coro
    def push(self, other, n):
        ch = Channel(self, remote=other)
        for i in range(n):
            ch.send(i)
        return ch.recv()

    @coro
    def pull(self, other, n, late):
        ch = Channel(self, remote=other)
        charm.sleep(late)
        for i in range(n):
            assert ch.recv() == i
        ch.send('done')


def main(args):
    a = Array(S, 2)
    for n, late in ((1, 0), (1000, 0.05), (50000, 0.1)):
        f = a[0].push(a[1], n, ret=True)
        a[1].pull(a[0], n, late)
        assert f.get() == 'done'
    print('OK')
    exit()


charm.start(main)
