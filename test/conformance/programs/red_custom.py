"""§10: custom reducers with pre and post, that combine partial results in any grouping; several at once; by name."""
import numpy as np
from charm4py import Array, Chare, Group, Reducer, charm


def concat(parts):
    out = []
    for p in parts:
        out += p
    return out


def stats(parts):
    return (sum(p[0] for p in parts), sum(p[1] for p in parts), max(p[2] for p in parts), min(p[3] for p in parts))


def stats_pre(data, contributor):
    return (1, data, data, data)


def stats_post(value):
    n, s, hi, lo = value
    return {'mean': s / n, 'range': hi - lo}


def argmax_pre(data, chare):
    return (data, chare.thisIndex)


def argmax(parts):
    return max(parts)


def histo(parts):
    total = np.zeros_like(parts[0])
    for p in parts:
        total = total + p
    return total


def merge(parts):
    d = {}
    for p in parts:
        for k, v in p.items():
            d[k] = d.get(k, 0) + v
    return d


Reducer.addReducer(concat, post=sorted)
Reducer.addReducer(stats, pre=stats_pre, post=stats_post)
charm.reducers.addReducer(argmax, pre=argmax_pre)
Reducer.addReducer(histo)
Reducer.addReducer(merge)


class C(Chare):
    def __init__(self):
        t = self.thisIndex
        self.i = t if isinstance(t, int) else t[0] * 4 + t[1]

    def go(self, f):
        i = self.i
        self.contribute([i, i * 10], Reducer.concat, f[0])
        self.contribute(float(i), Reducer.stats, f[1])
        self.contribute((i * 7) % 11, Reducer.argmax, f[2])
        self.contribute(np.bincount([i % 3], minlength=3), Reducer.histo, f[3])
        self.reduce(f[4], {i % 2: 1, 'all': 1}, Reducer.merge)


def main(args):
    for coll, idx in ((Group(C), list(range(charm.numPes()))), (Array(C, (3, 4)), [(a, b) for a in range(3) for b in range(4)])):
        n = len(idx)
        for _ in range(3):
            f = [charm.Future() for _ in range(5)]
            coll.go(f)
            assert f[0].get() == sorted([i for i in range(n)] + [10 * i for i in range(n)])
            assert f[1].get() == {'mean': (n - 1) / 2, 'range': n - 1.0}
            assert f[2].get() == max(((i * 7) % 11, idx[i]) for i in range(n))
            assert f[3].get().tolist() == np.bincount([i % 3 for i in range(n)], minlength=3).tolist()
            want = {'all': n, 0: (n + 1) // 2}
            if n > 1:
                want[1] = n // 2
            assert f[4].get() == want
    try:
        Reducer.addReducer(concat)
    except Exception as e:
        assert 'concat' in str(e)
    else:
        raise RuntimeError
    print('OK')
    exit()


charm.start(main)
