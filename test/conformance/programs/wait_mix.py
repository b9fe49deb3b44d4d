"""§3.4 §7: charm.wait and iwait over futures and channels of every origin, inside several coroutines at once."""
import random

from charm4py import Array, Channel, Chare, Future, Group, Reducer, charm, coro


class M(Chare):
    @coro
    def feed(self, other, k):
        ch = Channel(self, remote=other)
        for i in range(k):
            charm.sleep(random.random() * 0.002)
            ch.send(i)

    @coro
    def slow(self, secs, v):
        charm.sleep(secs)
        return v

    @coro
    def hub(self, others, k):
        chans = [Channel(self, remote=o) for o in others]
        futs = [o.slow(0.001 * i, i, ret=True) for i, o in enumerate(others)]
        done = Future()
        self.thisProxy.red(done)
        timer = Future()
        charm.scheduleCallableAfter(timer, 0.01, ['tick'])
        todo = chans + futs + [done, timer]
        got = {'ch': 0, 'f': []}
        for x in charm.iwait(todo):
            if x in chans:
                assert x.recv() == 0
                got['ch'] += 1
            else:
                got['f'].append(x.get())
        assert got['ch'] == len(chans)
        assert sorted(map(str, got['f'])) == sorted(map(str, list(range(len(others))) + ['tick', self.members]))
        for i in range(1, k):
            charm.wait(chans)
            assert all(c.ready() for c in chans)
            for c in chans:
                assert c.recv() == i
        return 'ok'

    def red(self, f):
        self.contribute(1, Reducer.sum, f)

    def set(self, n):
        self.members = n


def main(args):
    hubs = Array(M, 3)
    hubs.set(3)
    peers = [Array(M, 4) for _ in range(3)]
    charm.waitQD()
    fs = []
    # every hub has its own peers; reductions need all three hubs
    for h in range(3):
        others = [peers[h][i] for i in range(4)]
        fs.append(hubs[h].hub(others, 10, ret=True))
        peers[h].feed(hubs[h], 10)
    # hub 0's `done` completes only with contributions of all, once per hub
    assert [f.get() for f in fs] == ['ok'] * 3
    print('OK')
    exit()


charm.start(main)
