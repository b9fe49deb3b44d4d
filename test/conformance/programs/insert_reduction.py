"""§6.2 §10: reductions over an array that is filled by its own elements (a growing binary tree), then reduced."""
from charm4py import Array, Chare, Reducer, charm


class Node(Chare):
    def __init__(self, depth, done):
        self.depth = depth
        i = self.thisIndex[0]
        if depth > 0:
            self.thisProxyOf().ckInsert(2 * i, args=[depth - 1, done])
            self.thisProxyOf().ckInsert(2 * i + 1, args=[depth - 1, done])
        else:
            done(i)

    def thisProxyOf(self):
        return self.thisProxy

    def sum(self, cb):
        self.contribute(self.thisIndex[0], Reducer.sum, cb)

    def names(self, cb):
        self.contribute(self.thisIndex[0], Reducer.gather, cb)


def main(args):
    depth = 5
    done = charm.Future(2 ** depth)
    tree = Array(Node, ndims=1)
    tree.ckInsert(1, args=[depth, done])
    leaves = sorted(done.get())
    assert leaves == list(range(2 ** depth, 2 ** (depth + 1)))
    tree.ckDoneInserting()
    n = 2 ** (depth + 1)
    f, g = charm.Future(), charm.Future()
    tree.sum(f)
    tree.names(g)
    assert f.get() == sum(range(1, n))
    assert g.get() == list(range(1, n))
    print('OK')
    exit()


charm.start(main)
