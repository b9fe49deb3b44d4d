"""§11 §3.4: iwait over many channels and futures, with suspending body; wait; a channel yields once per call."""
import random

from charm4py import Channel, Chare, Group, Array, charm, coro


class Client(Chare):
    @coro
    def serve(self, server, msgs):
        ch = Channel(self, remote=server)
        for m in range(msgs):
            if random.random() < 0.5:
                charm.sleep(random.random() * 0.003)
            ch.send(self.thisIndex, m)
            assert ch.recv() == ('ack', m)
        return self.thisIndex


class Server(Chare):
    @coro
    def run(self, clients, count, msgs):
        chans = [Channel(self, remote=clients[i]) for i in range(count)]
        seen = {c: 0 for c in chans}
        for r in range(msgs):
            yielded = []
            for c in charm.iwait(chans):
                who, m = c.recv()
                assert m == r
                charm.sleep(0)  # the body may suspend
                seen[c] += 1
                c.send('ack', m)
                yielded.append(c)
            assert len(yielded) == count and set(map(id, yielded)) == set(map(id, chans))
        return list(seen.values())

    @coro
    def mixed(self, clients):
        fs = [clients[i].work(i, ret=True) for i in range(5)]
        got = []
        for f in charm.iwait(fs):
            got.append(f.get())
        assert sorted(got) == [0, 1, 4, 9, 16]
        charm.wait(fs)
        assert [f.get() for f in charm.iwait(fs)] == [0, 1, 4, 9, 16]  # ready ones in list order
        assert list(charm.iwait([])) == []
        assert charm.wait([]) is None
        return True


class Worker(Chare):
    @coro
    def work(self, x):
        charm.sleep(0.005 * (5 - x))
        return x * x


def main(args):
    clients = Array(Client, 6)
    server = Chare(Server, onPE=charm.numPes() - 1)
    f = server.run(clients, 6, 8, ret=True)
    got = clients.serve(server, 8, ret=True).get()
    assert got == [(i,) for i in range(6)]
    assert f.get() == [8] * 6
    assert server.mixed(Array(Worker, 5), ret=True).get()
    print('OK')
    exit()


charm.start(main)
