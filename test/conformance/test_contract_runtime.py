"""The runtime as a chare (§3.5): charm.thisProxy's methods, and what is registered while the job runs."""

from __future__ import annotations

import pytest
from harness import fails, holds, run

SOME = (None, 1, 4)


@pytest.mark.parametrize("n", SOME)
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

            charm.thisProxy.registerNewChareTypes([Inner, Early], awaitable=True).get()
            eq("known ones stay what they are", inner.where(ret=True).get(), pes[-1])
            eq("and serve", Group(Inner).where(ret=True).get(), pes)

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


@pytest.mark.parametrize("n", SOME)
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


@pytest.mark.parametrize("n", SOME)
def test_update_globals(n: int | None) -> None:
    """On all PEs, on one; in __main__ and in modules; arrays keep what they are; existing names are overwritten."""
    holds(
        """
        import settings
        size = 1
        table = None

        def twice(x):
            return 2 * x

        class Box(Chare):
            def look(self):
                return size, globals().get("extra"), settings.depth, table
            def call(self, x):
                return function(x)

        def main(args):
            pes = range(charm.numPes())
            last = charm.numPes() - 1
            group = Group(Box)
            tables = {"table": np.arange(12, dtype="f4").reshape(3, 4), "size": 7, "extra": [1, None]}
            eq("awaitable", charm.thisProxy.updateGlobals(tables, awaitable=True).get(), None)
            for got in group.look(ret=True).get():
                eq("everywhere", got, (7, [1, None], 0, tables["table"]))
            eq("here too", (size, table.shape), (7, (3, 4)))
            eq("ret", charm.thisProxy.updateGlobals({"depth": 3}, module_name="settings", ret=True).get(), [None] * len(pes))
            charm.thisProxy[last].updateGlobals({"depth": 4}, "settings", awaitable=True).get()
            eq("one PE alone", [got[2] for got in group.look(ret=True).get()], [4 if pe == last else 3 for pe in pes])
            charm.thisProxy.updateGlobals(globals_dict={"function": twice}, awaitable=True).get()
            eq("functions", group.call(4, ret=True).get(), [8] * len(pes))
            charm.thisProxy.updateGlobals({"size": 9})  # nobody waits; calls of one sender keep their order
            eq("in order", [got[0] for got in group.look(ret=True).get()], [9] * len(pes))

            def update(*args, pe=last, **named):
                return lambda: charm.thisProxy[pe].updateGlobals(*args, **named, awaitable=True).get()
            raises("unknown module", "Charm4PyError", update({"x": 1}, "nowhere"), "nowhere", f"PE {last}", "modules=")
            raises("unknown module, all", "Charm4PyError",
                   lambda: charm.thisProxy.updateGlobals({"x": 1}, "nowhere", awaitable=True).get(), "nowhere")
            raises("no dict", TypeError, update([1]), "dict")
            raises("no names", TypeError, update({1: 2}), "dict")
            raises("missing", TypeError, update(), "globals_dict")
            raises("unknown keyword", TypeError, update({}, module="settings"), "updateGlobals", "module")
            check("not a local method", not hasattr(charm, "updateGlobals"))
            done()

        charm.start(main, modules=["settings"])
        """,
        n,
        files={"settings.py": "depth = 0\n"},
    )


@pytest.mark.parametrize("n", SOME)
def test_exec_and_eval(n: int | None) -> None:
    holds(
        """
        charm.options.remote_exec = True
        import settings
        values = []

        def main(args):
            pes = list(range(charm.numPes()))
            last = pes[-1]
            everywhere = charm.thisProxy
            eq("eval on all", everywhere.eval("charm.myPe() * 10", ret=True).get(), [pe * 10 for pe in pes])
            eq("eval on one", everywhere[last].eval("charm.myPe(), len(values)", ret=True).get(), (last, 0))
            eq("exec", everywhere.exec("values.append(charm.myPe())", awaitable=True).get(), None)
            everywhere.rexec("values.append('two')\\nimport string as s", awaitable=True).get()
            eq("what it did", everywhere.eval("values + [s.digits[:2]]", ret=True).get(), [[pe, "two", "01"] for pe in pes])
            everywhere.exec("depth = 5", module_name="settings", awaitable=True).get()
            eq("in a module", everywhere.eval("depth", "settings", ret=True).get(), [5] * len(pes))
            eq("it may wait", everywhere.eval("charm.thisProxy[0].myPe(ret=True).get()", ret=True).get(), [0] * len(pes))
            raises("its exception", ZeroDivisionError, lambda: everywhere[last].eval("1 / 0", ret=True).get())
            raises("of exec", KeyError, lambda: everywhere[last].exec("{}['x']", awaitable=True).get(), "x")
            raises("syntax", SyntaxError, lambda: everywhere[0].eval("1 +", ret=True).get())
            raises("unknown module", "Charm4PyError", lambda: everywhere[last].exec("x = 1", "nowhere", awaitable=True).get(),
                   "nowhere")
            done()

        charm.start(main, modules=["settings"])
        """,
        n,
        files={"settings.py": "depth = 0\n"},
    )


def test_code_from_elsewhere_is_compiled_by_itself() -> None:
    """None of our own `from __future__ import` holds in it."""
    holds(
        """
        charm.options.remote_exec = True
        def main(args):
            charm.thisProxy.exec("def f(x: int): pass", awaitable=True).get()
            eq("annotations", charm.thisProxy.eval("f.__annotations__['x'] is int", ret=True).get(), [True] * 2)
            done()
        charm.start(main)
        """,
        2,
    )


def test_code_from_elsewhere_is_refused_where_it_is_not_allowed() -> None:
    """By the PE that would execute it; only True allows it."""
    holds(
        """
        class Box(Chare):
            def allow(self):
                charm.options.remote_exec = True
        def main(args):
            raises("eval", "Charm4PyError", lambda: charm.thisProxy[1].eval("1", ret=True).get(), "remote_exec", "PE 1")
            raises("exec", "Charm4PyError", lambda: charm.thisProxy.exec("1", awaitable=True).get(), "remote_exec")
            Group(Box)[1].allow(awaitable=True).get()
            eq("allowed there", charm.thisProxy[1].eval("charm.myPe()", ret=True).get(), 1)
            raises("not here", "Charm4PyError", lambda: charm.thisProxy[0].eval("1", ret=True).get(), "remote_exec", "PE 0")
            done()
        charm.start(main)
        """,
        2,
    )
    fails("def main(args):\n    charm.thisProxy[1].exec('1')\ncharm.start(main)", 2, "remote_exec", "PE 1, charm.exec()")


@pytest.mark.parametrize("n", SOME)
def test_arrays_made_on_behalf_of_others(n: int | None) -> None:
    """createArray: the proxy as result, or to a callback; LBTurnInstrument; printStats."""
    holds(
        """
        class Box(Chare):
            def __init__(self, base=0):
                self.base = base
            def get(self):
                return self.base, self.thisIndex

        class Maker(Chare):
            @coro
            def make(self):
                array = charm.thisProxy[0].createArray(Box, (2, 2), args=[5], ret=True).get()
                return array, array.get(ret=True).get()

        def main(args):
            last = charm.numPes() - 1
            want = [(5, (i, j)) for i in range(2) for j in range(2)]
            array, got = Chare(Maker, onPE=last).make(ret=True).get()
            eq("made there, used there", got, want)
            eq("used here", array.get(ret=True).get(), want)
            future = Future()
            charm.thisProxy[0].createArray(Box, dims=3, cb=future)
            eq("to a callback", [i for base, i in future.get().get(ret=True).get()], [(0,), (1,), (2,)])
            empty = charm.thisProxy[last].createArray(Box, ndims=1, ret=True).get()
            empty.ckInsert(4, [8])
            empty.ckDoneInserting()
            eq("empty at first", empty.get(ret=True).get(), [(8, (4,))])
            raises("no dims", "Charm4PyError", lambda: charm.thisProxy[0].createArray(Box, ret=True).get(), "ndims")

            lb = charm.options.lb
            charm.LBTurnInstrumentOff()
            eq("here", lb.instrument, False)
            charm.thisProxy.LBTurnInstrumentOn(awaitable=True).get()
            eq("everywhere", lb.instrument, True)
            charm.thisProxy.LBTurnInstrumentOff()
            charm.thisProxy[last].printStats(awaitable=True).get()
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize(
    "ending, status",
    [
        ("future.send(charm.thisProxy.exit)\n            future.get()()", 0),
        ("charm.scheduleCallableAfter(charm.thisProxy[0].exit, 0, [6])", 6),
        ("charm.thisProxy.exit(exit_code=np.int64(258))", 2),
        ("charm.startQD(charm.thisProxy.exit)", 0),
        ("charm.thisProxy[0].exit(True)", 1),
        ("charm.thisProxy[charm.numPes() - 1].exit('out of coffee')", 1),
        ("charm.thisProxy.exit('out of coffee')", 1),
        ("Group(Box).end_by(charm.thisProxy.exit, np.int32(3))", 3),
        ("Group(Box).end_by(charm.thisProxy[0].exit, 4)", 4),
        ("Group(Box).tell(charm.thisProxy[0].exit)", 7),
    ],
)
def test_exit_as_a_callback(ending: str, status: int) -> None:
    result = run(
        f"""
        class Box(Chare):
            def end_by(self, target, status):
                self.reduce(target, status, Reducer.max)
            def tell(self, target):
                target(7)
        def main(args):
            future = Future()
            {ending}
        charm.start(main)
        """,
        2,
    )
    assert result.status == status and "Traceback" not in result.said, result
    assert result.stderr.count("out of coffee") == ("coffee" in ending)
