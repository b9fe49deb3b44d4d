"""The runtime as a chare (§3.5): charm.thisProxy's methods, and what is registered while the job runs."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_classes_registered_while_the_job_runs(n: int | None) -> None:
    """registerNewChareType, registerNewChareTypes: usable everywhere once the call has ended."""
    holds(
        '''
        charm.options.remote_exec = True
        SOURCE = """
        class Late(Chare):
            def __init__(self, base):
                self.base = base
            def who(self, x):
                return self.base + x, charm.myPe()
            @coro
            def make_more(self):
                return Group(Late, args=[7]).who(1, ret=True).get()
        """

        class Early(Chare):
            @coro
            def register(self, name):
                source = f"class {name}(Chare):\\n def name(self): return {name!r}, self.thisIndex"
                charm.thisProxy.registerNewChareType(name, source, awaitable=True).get()
                cls = getattr(sys.modules["__main__"], name)
                return Group(cls).name(ret=True).get()

        def main(args):
            import textwrap
            pes = list(range(charm.numPes()))
            got = charm.thisProxy.registerNewChareType("Late", textwrap.dedent(SOURCE), awaitable=True).get()
            eq("awaited", got, None)
            eq("a group", Group(Late, args=[3]).who(1, ret=True).get(), [(4, pe) for pe in pes])
            eq("an array", [v for v, pe in Array(Late, 5, args=[3]).who(2, ret=True).get()], [5] * 5)
            eq("made elsewhere", Chare(Late, args=[1], onPE=pes[-1]).make_more(ret=True).get(), [(8, pe) for pe in pes])

            class Inner(Chare):
                def where(self):
                    return charm.myPe()
            class Other(Chare):
                def call(self, inner):
                    return inner
            raises("not registered yet", "Charm4PyError", lambda: Group(Inner), "Inner", "registerNewChareTypes")
            charm.thisProxy.registerNewChareTypes([Inner, Other], awaitable=True).get()
            eq("a local class", Group(Inner).where(ret=True).get(), pes)
            inner = Chare(Inner, onPE=pes[-1])
            eq("its proxies travel", Chare(Other, onPE=pes[-1]).call(inner, ret=True).get(), inner)

            # From all PEs at once: the numbers agree, whatever comes first.
            group = Group(Early)
            futures = [group[pe].register(f"New{pe}", ret=True) for pe in pes]
            for pe, future in enumerate(futures):
                eq("registered from all PEs", future.get(), [(f"New{pe}", i) for i in pes])

            # Defined again: new chares are of the new class, old ones stay what they were.
            old = Chare(Late, args=[1], onPE=pes[-1])
            again = "class Late(Chare):\\n def who(self, x): return 'again', x"
            charm.thisProxy[pes[-1]].registerNewChareType("Late", again, awaitable=True).get()
            eq("the new one", Chare(Late, onPE=pes[-1]).who(2, ret=True).get(), ("again", 2))
            eq("the old one", old.who(2, ret=True).get()[0], 3)
            done()

        charm.start(main)
        ''',
        n,
    )


@pytest.mark.parametrize("n", (1, 4))
def test_registration_that_fails_is_forgotten_everywhere(n: int) -> None:
    """The caller gets the reason, and the numbers of what comes later still agree."""
    holds(
        """
        charm.options.remote_exec = True

        def register(name, source):
            charm.thisProxy.registerNewChareType(name, source, awaitable=True).get()

        def one_only(values):
            return values[0]

        def main(args):
            last = charm.numPes() - 1
            raises("syntax", SyntaxError, lambda: register("A", "class A(Chare: pass"))
            raises("no such class", "Charm4PyError", lambda: register("A", "x = 1"), "A")
            raises("no chare", "Charm4PyError", lambda: register("A", "class A: pass"), "A", "Chare")
            raises("reserved", "Charm4PyError", lambda: register("A", "class A(Chare):\\n def wait(self): pass"), "wait")
            bad = "class C(Chare): pass\\nif charm.myPe() == %d: raise LookupError('here alone')" % last
            raises("on one PE alone", LookupError, lambda: register("C", bad), "here alone")
            raises("no class", TypeError, lambda: charm.thisProxy.registerNewChareTypes([5], awaitable=True).get(), "5")
            raises("name taken", "Charm4PyError", lambda: charm.thisProxy.addReducer(sum, awaitable=True).get(), "sum")
            raises("no function", TypeError, lambda: charm.thisProxy.addReducer(5, awaitable=True).get(), "5")
            raises("not everywhere", "Charm4PyError", lambda: Reducer.addReducer(one_only), "thisProxy.addReducer")
            register("B", "class B(Chare):\\n def hello(self): return 'hello'")
            eq("a good one", Chare(sys.modules["__main__"].B, onPE=last).hello(ret=True).get(), "hello")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 4))
def test_reducers_added_while_the_job_runs(n: int | None) -> None:
    holds(
        """
        def longest(words):
            return max(words, key=len)
        def paired(data, contributor):
            return [(contributor.thisIndex, data)]
        def pairs(lists):
            return [pair for pairs in lists for pair in pairs]
        def first_of_all(pairs):
            return sorted(pairs)[0]

        class Box(Chare):
            @coro
            def reduce_words(self, name, target):
                self.reduce(target, "x" * (self.thisIndex + 1), getattr(Reducer, name))
            @coro
            def add(self):
                charm.thisProxy.addReducer(pairs, paired, first_of_all, awaitable=True).get()
                return Reducer.pairs.__name__

        def main(args):
            last = charm.numPes() - 1
            charm.thisProxy.addReducer(longest, awaitable=True).get()
            group = Group(Box)
            future = Future()
            group.reduce_words("longest", future)
            eq("longest", future.get(), "x" * (last + 1))
            eq("added elsewhere", group[last].add(ret=True).get(), "pairs")
            future = Future()
            group.reduce_words("pairs", future)
            eq("with pre and post", future.get(), (0, "x"))
            done()

        charm.start(main)
        """,
        n,
    )


def test_source_from_elsewhere_needs_remote_exec() -> None:
    fails(
        """
        def main(args):
            raises("refused", "Charm4PyError",
                   lambda: charm.thisProxy.registerNewChareType("A", "", awaitable=True).get(), "remote_exec")
            print("refused it")
            charm.thisProxy.registerNewChareType("A", "class A(Chare): pass")
        charm.start(main)
        """,
        2,
        "refused it",
        "Charm4PyError",
        "remote_exec",
        "charm.registerNewChareType",
    )
