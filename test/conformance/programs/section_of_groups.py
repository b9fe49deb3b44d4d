"""§9, §6.1: groups on some PEs, slices and splits of groups, from plain methods and from all PEs; the one on each host."""
from charm4py import Chare, Group, Reducer, charm, coro


class Monitor(Chare):
    def __init__(self, main):
        self.main = main
        assert self.thisProxy.issec and self.thisIndex == charm.myPe()

    def measure(self):
        self.reduce(self.main.measured, [charm.myPe(), 1], Reducer.max)

    def gather(self, section):
        self.contribute(charm.myPe(), Reducer.gather, self.main.gathered, section)

    @coro
    def sync(self, section):
        self.allreduce(section=section).get()
        return self.thisIndex


class Everywhere(Chare):
    def half(self, group, callback):
        """No coroutine: sections of groups by their PEs can be made here."""
        n = charm.numPes()
        mine = charm.split(group, 2, elems=[[charm.myPe()], list(range(n))])
        odd = group[0:n:2]
        assert all(s.issec for s in (*mine, odd))
        mine[0].tell(callback)
        return mine[1], odd

    def tell(self, callback):
        callback(charm.myPe())

    def number(self):
        return self.thisIndex


class Main(Chare):
    def __init__(self, args):
        self.results = []
        n = charm.numPes()
        firsts = [charm.getHostFirstPe(h) for h in range(charm.numHosts())]
        monitors = Group(Monitor, args=[self.thisProxy], onPEs=firsts)
        charm.awaitCreation(monitors)
        monitors.measure()
        self.wait('len(self.results) == 1')
        assert list(self.results[0]) == [max(firsts), 1]
        some = Group(Monitor, args=[self.thisProxy], onPEs=[n - 1, 0, n - 1])
        some.gather(some)
        self.wait('len(self.results) == 2')
        assert self.results[1] == sorted({0, n - 1})
        assert some.sync(some, ret=True).get() == sorted({0, n - 1})
        group = Group(Everywhere)
        told = charm.Future(n + 1)
        told(n)  # of one value it would not be a list
        for both, odd in group.half(group, told, ret=True).get():
            assert both.number(ret=True).get() == list(range(n))
            assert odd.number(ret=True).get() == list(range(0, n, 2))
            assert odd != both and odd.section != both.section
        assert sorted(told.get()) == list(range(n + 1))
        print('OK', flush=True)
        charm.exit()

    def measured(self, result):
        self.results.append(result)

    def gathered(self, result):
        self.results.append(result)


charm.start(Main)
