"""§3.7: spanning trees over PEs: getTopoTreeEdges, getTopoSubtrees."""

from __future__ import annotations

import pytest
from harness import holds

ALL = (None, 1, 4, 7)


@pytest.mark.parametrize("n", ALL)
def test_trees(n: int | None) -> None:
    holds(
        """
        import random

        def walk(root, pes, bfactor):
            "Edges of the tree, as splitting again and again shows it."
            subtrees = charm.getTopoSubtrees(root, pes, bfactor)
            check("at most bfactor", len(subtrees) <= bfactor)
            check("no empty subtree", all(subtrees))
            members = [pe for subtree in subtrees for pe in subtree]
            check("disjoint, without the root", sorted(members + [root]) == sorted(pes))
            edges = {(root, subtree[0]) for subtree in subtrees}
            for subtree in subtrees:
                edges |= walk(subtree[0], subtree, bfactor)
            return edges

        def check_tree(root, pes, bfactor, given):
            edges = set()
            for pe in pes:
                parent, children = charm.getTopoTreeEdges(pe, root, *given)
                check("the root has no parent", (parent is None) == (pe == root))
                check("a list", type(children) is list and len(children) <= bfactor)
                check("each child once", not edges & {(pe, child) for child in children})
                edges |= {(pe, child) for child in children}
                for child in children:
                    eq("the child's parent", charm.getTopoTreeEdges(child, root, *given)[0], pe)
            eq("each is entered once", sorted(child for _, child in edges), sorted(set(pes) - {root}))
            check("edges and subtrees are one tree", edges == walk(root, pes, bfactor))

        def main(args):
            num = charm.numPes()
            rng = random.Random(3)
            for root in range(num):
                for bfactor in (1, 2, 4, 100):
                    every = [root] + [pe for pe in range(num) if pe != root]
                    check_tree(root, every, bfactor, (None, bfactor))
                    check_tree(root, every, bfactor, (every, bfactor))
                    some = [root] + rng.sample(every[1:], rng.randrange(num))
                    check_tree(root, some, bfactor, (tuple(some), bfactor))
            eq("default bfactor", charm.getTopoTreeEdges(0, 0)[1], charm.getTopoTreeEdges(0, 0, None, 4)[1])
            eq("by name", charm.getTopoTreeEdges(pe=0, root_pe=0, pes=[0], bfactor=2), (None, []))
            eq("by name", charm.getTopoSubtrees(root_pe=0, pes=[0], bfactor=2), [])
            eq("numpy", charm.getTopoTreeEdges(np.int64(0), np.int32(0), np.array([0])), (None, []))
            done()

        charm.start(main)
        """,
        n,
    )


def test_what_they_refuse() -> None:
    holds(
        """
        def main(args):
            edges, subtrees = charm.getTopoTreeEdges, charm.getTopoSubtrees
            raises("no such PE", ValueError, lambda: edges(3, 0), "3")
            raises("no such root", ValueError, lambda: edges(0, -1), "-1")
            raises("no such member", ValueError, lambda: edges(0, 0, [0, 10**30]))
            raises("root is not first", ValueError, lambda: edges(0, 1, [0, 1]), "first")
            raises("no members", ValueError, lambda: edges(0, 0, []))
            raises("no member", ValueError, lambda: edges(1, 0, [0, 2]), "1")
            raises("twice", ValueError, lambda: edges(0, 0, [0, 1, 1]), "once")
            raises("no children", ValueError, lambda: edges(0, 0, None, 0), "bfactor")
            raises("no number", TypeError, lambda: edges(0.5, 0))
            raises("no number", TypeError, lambda: edges(0, "0"))
            raises("no list", TypeError, lambda: subtrees(0, 5))
            raises("no root", ValueError, lambda: subtrees(0, [1, 2]), "root")
            raises("no number", TypeError, lambda: subtrees(0, [0, None]))
            raises("no number", TypeError, lambda: subtrees(0, [0], "4"))
            done()

        charm.start(main)
        """,
        3,
    )
