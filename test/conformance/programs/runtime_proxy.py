"""The methods of charm.thisProxy. Rows: §3.3, §3.5."""

from charm4py import charm, Chare, Group, Future, Reducer

charm.options.remote_exec = True
X = 1


class G(Chare):

    def x(self):
        return X

    def red(self, f):
        self.contribute(2, Reducer.newred, f)


def newred(contribs):
    return max(contribs) * 1


class A(Chare):

    def me(self):
        return self.thisIndex


def main(args):
    n = charm.numPes()
    charm.thisProxy.updateGlobals({"X": 5, "Y": [1, 2]}, awaitable=True).get()
    g = Group(G)
    assert g.x(ret=True).get() == [5] * n
    charm.thisProxy[n - 1].updateGlobals({"X": 6}, "__main__", awaitable=True).get()
    assert g.x(ret=True).get() == [5] * (n - 1) + [6]
    assert charm.thisProxy.eval("X + len(Y)", ret=True).get() == [7] * (n - 1) + [8]
    charm.thisProxy.exec("X = 20", ret=True).get()
    assert g.x(ret=True).get() == [20] * n
    charm.thisProxy[0].rexec("X = 21", awaitable=True).get()
    assert charm.thisProxy.myPe(ret=True).get() == list(range(n))
    charm.thisProxy.addReducer(newred, awaitable=True).get()
    f = Future()
    g.red(f)
    assert f.get() == 2
    arr = charm.thisProxy[n - 1].createArray(A, (2, 2), ret=True).get()
    assert arr.me(ret=True).get() == [(0, 0), (0, 1), (1, 0), (1, 1)]
    f = Future()
    charm.thisProxy[0].createArray(A, 3, cb=f)
    assert len(f.get().me(ret=True).get()) == 3
    try:
        charm.thisProxy[0].eval("1/0", ret=True).get()
        assert 0
    except ZeroDivisionError:
        pass
    assert charm.numHosts() >= 1 and sorted((p for h in range(charm.numHosts()) for p in charm.getHostPes(h))) == list(
        range(n)
    )
    charm.thisProxy[n - 1].exit()
    print("OK")


charm.start(main)
