"""A distributed table that keeps the futures of those who ask too early. Rows: §5.4, §7."""

from charm4py import charm, Chare, Group, coro, Future


class DHT(Chare):

    def __init__(self):
        self.d = {}
        self.waiting = {}

    def put(self, k, v):
        self.d[k] = v
        for f in self.waiting.pop(k, []):
            f(v)

    def get(self, k):
        return self.d[k]

    def getLater(self, k, fut):
        if k in self.d:
            fut.send(self.d[k])
        else:
            self.waiting.setdefault(k, []).append(fut)


class Client(Chare):

    def __init__(self, dht):
        self.dht = dht

    def where(self, k):
        return self.dht[hash(k) % charm.numPes()] if isinstance(k, int) else self.dht[sum(map(ord, k)) % charm.numPes()]

    @coro
    def work(self, n):
        me = self.thisIndex
        puts = [self.where("%d-%d" % (me, i)).put("%d-%d" % (me, i), i, awaitable=True) for i in range(n)]
        charm.wait(puts)
        other = (me + 1) % charm.numPes()
        fs = []
        for i in range(n):
            f = Future()
            k = "%d-%d" % (other, i)
            self.where(k).getLater(k, f)
            fs.append(f)
        assert [f.get() for f in fs] == list(range(n))
        try:
            self.where("zz").get("zz", ret=True).get()
            return False
        except KeyError:
            return True


def main(args):
    d = Group(DHT)
    c = Group(Client, args=[d])
    assert c.work(30, ret=True).get() == [True] * charm.numPes()
    print("OK")
    exit()


charm.start(main)
