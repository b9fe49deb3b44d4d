"""§3.9 §5: charm.options.local_msg_optim = False: arguments and results are copies on the same PE as well."""
import numpy as np
from charm4py import Array, Chare, Channel, Group, Reducer, charm, coro

charm.options.local_msg_optim = False


class C(Chare):
    def change(self, lst, arr, d):
        lst.append(1)
        arr[:] = 0
        d.clear()
        return lst, arr

    def keep(self, obj):
        self.obj = obj
        return obj

    def look(self):
        return self.obj

    @coro
    def chan(self, other, first):
        ch = Channel(self, remote=other)
        data = [1, 2]
        if first:
            ch.send(data)
            data.append(3)
            return ch.recv()
        got = ch.recv()
        ch.send(got)
        got.append('mine')
        return got

    def red(self, cb):
        self.data = np.ones(3)
        self.contribute(self.data, Reducer.sum, cb)
        self.data[:] = 50


def main(args):
    g = Group(C)
    a = Array(C, 2 * charm.numPes())
    for target in [g[pe] for pe in range(charm.numPes())] + [a[0], a[2 * charm.numPes() - 1]]:
        lst, arr, d = [0], np.ones(4), {'a': 1}
        l2, a2 = target.change(lst, arr, d, ret=True).get()
        assert l2 == [0, 1] and (a2 == 0).all()
        assert lst == [0] and (arr == 1).all() and d == {'a': 1}
        obj = {'k': []}
        same = target.keep(obj, ret=True).get()
        obj['k'].append(1)
        assert same == {'k': []} and same is not obj
        assert target.look(ret=True).get() == {'k': []}
        x, y = target.look(ret=True).get(), target.look(ret=True).get()
        assert x is not y
    f1 = a[0].chan(a[1], True, ret=True)
    f2 = a[1].chan(a[0], False, ret=True)
    assert f1.get() == [1, 2] and f2.get() == [1, 2, 'mine']
    f = charm.Future()
    g.red(f)
    assert (f.get() == charm.numPes()).all()
    print('OK')
    exit()


charm.start(main)
