"""A main chare starts phases and every result comes back to its methods. Rows: §3.1 entry class, §3.5 updateGlobals, §10 targets."""

from charm4py import charm, Chare, Array, Reducer
import numpy as np


class Worker(Chare):

    def __init__(self):
        self.v = 1

    def work(self, x):
        self.contribute(x + self.thisIndex[0], Reducer.sum, main_proxy.collect)

    def vec(self):
        self.contribute(np.arange(5) * self.thisIndex[0], Reducer.max, main_proxy.vecDone)

    def nothing(self):
        self.contribute(None, None, main_proxy.barrierDone)


class Main(Chare):

    def __init__(self, args):
        charm.thisProxy.updateGlobals({"main_proxy": self.thisProxy, "N": 13}, awaitable=True).get()
        self.step = 0
        self.arr = Array(Worker, 13)
        charm.awaitCreation(self.arr)
        self.arr.work(10)

    def collect(self, total):
        assert total == 130 + 78, total
        self.step += 1
        if self.step < 3:
            self.arr.work(10)
        else:
            self.arr.vec()

    def vecDone(self, res):
        assert isinstance(res, np.ndarray)
        np.testing.assert_array_equal(res, np.arange(5) * 12)
        self.arr.nothing()

    def barrierDone(self):
        assert N == 13
        print("OK")
        charm.exit()


charm.start(Main)
