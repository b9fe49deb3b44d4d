"""§3.7: getTopoTreeEdges and getTopoSubtrees: every PE once, root without parent, for subsets and branching factors."""
import random

from charm4py import charm


def subtree(root, pes, bfactor, seen):
    seen.append(root)
    rest = charm.getTopoSubtrees(root, pes, bfactor)
    allpes = [p for sub in rest for p in sub]
    assert len(allpes) == len(set(allpes)) and set(allpes) == set(pes) - {root}, (root, pes, rest)
    for sub in rest:
        subtree(sub[0], sub, bfactor, seen)


def main(args):
    n = charm.numPes()
    for bfactor in (1, 2, 4):
        for root in range(n):
            kids = {}
            parents = {}
            for pe in range(n):
                parent, children = charm.getTopoTreeEdges(pe, root, bfactor=bfactor)
                kids[pe], parents[pe] = children, parent
                assert len(children) <= bfactor + 1
            assert parents[root] is None
            reached, todo = [], [root]
            while todo:
                p = todo.pop()
                reached.append(p)
                for c in kids[p]:
                    assert parents[c] == p
                    todo.append(c)
            assert sorted(reached) == list(range(n))
        for size in range(1, n + 1):
            pes = random.sample(range(n), size)
            edges = [charm.getTopoTreeEdges(pe, pes[0], pes, bfactor) for pe in pes]
            assert sorted([c for _, cs in edges for c in cs] + [pes[0]]) == sorted(pes)
            seen = []
            subtree(pes[0], pes, bfactor, seen)
            assert sorted(seen) == sorted(pes)
    print('OK')
    exit()


charm.start(main)
