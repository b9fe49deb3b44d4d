"""An array that grows: elements are inserted at any index, from any PE, at any time.

    chariot run -n 4 examples/dynamic_array/dynamic_array.py [DEPTH]

A binary tree grows out of its root: each node inserts its two children, until the tree is DEPTH levels deep. Node
(level, position) is element (level, position) of a two-dimensional array.
"""
from __future__ import annotations

from chariot import Array, Chare, Reducer, charm
from chariot.threads import Future


class Node(Chare):
    def __init__(self, depth: int) -> None:
        level, position = self.thisIndex
        if level + 1 < depth:
            for child in (2 * position, 2 * position + 1):
                self.thisProxy.ckInsert((level + 1, child), args=[depth])

    def count(self, total: Future[int]) -> None:
        self.reduce(total, 1, Reducer.sum)

    def where(self) -> int:
        return charm.myPe()


def main(args: list[str]) -> None:
    depth = int(args[1]) if len(args) > 1 else 7
    tree = Array(Node, ndims=2)
    tree.ckInsert((0, 0), args=[depth])
    charm.waitQD()  # no insertion is under way any more
    tree.ckDoneInserting()
    total: Future[int] = charm.Future()
    tree.count(total)
    print(f"the tree has {total.get()} nodes, on {len(set(tree.where(ret=True).get()))} of {charm.numPes()} PEs")
    assert total.get() == 2**depth - 1
    charm.exit()


charm.start(main)
