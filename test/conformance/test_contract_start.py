"""Starting and ending a job: entry points, arguments, exit status of every kind, registration, errors of charm.start."""

from __future__ import annotations

import pytest
from harness import PES, fails, holds, run

ALL = (None, *PES)


@pytest.mark.parametrize("n", ALL)
def test_function_as_entry(n: int | None) -> None:
    result = holds(
        """
        class Box(Chare):
            def look(self):
                return sys.argv, charm.myPe(), charm.numPes(), charm.started

        def main(args):
            eq("program", os.path.basename(args[0]), "prog.py")
            eq("arguments", args[1:], ["a", "-x", "--n=3", "", "two words", "ü"])
            eq("on PE 0", charm.myPe(), 0)
            check("numPes", charm.numPes() == int(os.environ.get("WANT", charm.numPes())))
            for pe, (argv, my_pe, num_pes, started) in enumerate(Group(Box).look(ret=True).get()):
                eq("its PE", my_pe, pe)
                eq("its numPes", num_pes, charm.numPes())
                eq("sys.argv everywhere", argv[1:], args[1:])
                check("started", started is True)
            print("PEs:", charm.numPes())
            done()

        check("not started", charm.started is False)
        charm.start(main)
        """,
        n,
        args=["a", "-x", "--n=3", "", "two words", "ü"],
    )
    assert f"PEs: {n or 1}" in result.stdout


@pytest.mark.parametrize("n", ALL)
def test_chare_as_entry(n: int | None) -> None:
    holds(
        """
        class Worker(Chare):
            def __init__(self, main):
                main.hello(self.thisIndex)

        class Main(Chare):
            def __init__(self, args):
                self.heard = []
                self.all = Future()
                check("thisProxy in the constructor", self.thisProxy is not None)
                check("no thisIndex", not hasattr(self, "thisIndex"))
                Group(Worker, args=[self.thisProxy])
                eq("constructor is a coroutine", sorted(self.all.get()), list(range(charm.numPes())))
                eq("its methods are remote", self.thisProxy.twice(4, ret=True).get(), 8)
                eq("program", len(args), 2)
                eq("on PE 0", charm.myPe(), 0)
                done()

            def hello(self, pe):
                self.heard.append(pe)
                if len(self.heard) == charm.numPes():
                    self.all.send(self.heard)

            def twice(self, x):
                return 2 * x

        charm.start(Main)
        """,
        n,
        args=["one"],
    )


@pytest.mark.parametrize("n", (None, 2))
@pytest.mark.parametrize("kind", ("partial of async def", "partial of def", "object", "async object", "object's method"))
def test_other_callables_as_entry(kind: str, n: int | None) -> None:
    holds(
        f"""
        import functools
        class Box(Chare):
            def where(self):
                return charm.myPe()
        async def main(config, args):
            eq("called", (await Group(Box).where(ret=True), config), (list(range(charm.numPes())), 5))
            done()
        def plain(config, args):
            eq("called", (Group(Box).where(ret=True).get(), config), (list(range(charm.numPes())), 5))
            done()
        class Entry:
            def __call__(self, args):
                plain(5, args)
            def method(self, args):
                plain(5, args)
        class AsyncEntry:
            async def __call__(self, args):
                await main(5, args)
        charm.start({{
            "partial of async def": functools.partial(main, 5),
            "partial of def": functools.partial(plain, 5),
            "object": Entry(),
            "async object": AsyncEntry(),
            "object's method": Entry().method,
        }}[{kind!r}])
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_async_function_as_entry(n: int | None) -> None:
    holds(
        """
        class Box(Chare):
            def twice(self, x):
                return 2 * x

        async def main(args):
            eq("awaited", await Chare(Box, onPE=charm.numPes() - 1).twice(4, ret=True), 8)
            done()

        charm.start(main)
        """,
        n,
    )


# Where something ends the job: {} is replaced by the ending.
PLACES = {
    "entry": """
        def main(args):
            {}
        """,
    "entry after suspension": """
        class Box(Chare):
            def nothing(self): pass
        def main(args):
            Group(Box).nothing(awaitable=True).get()
            {}
        """,
    "method": """
        class Box(Chare):
            def end(self):
                {}
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1).end()
        """,
    "method whose result is awaited": """
        class Box(Chare):
            def end(self):
                {}
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1).end(ret=True).get()
        """,
    "coroutine": """
        class Box(Chare):
            @coro
            def end(self):
                self.thisProxy.nothing(awaitable=True).get()
                {}
            def nothing(self): pass
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1).end()
        """,
    "async method": """
        class Box(Chare):
            async def end(self):
                await self.thisProxy.nothing(awaitable=True)
                {}
            def nothing(self): pass
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1).end()
        """,
    "constructor": """
        class Box(Chare):
            def __init__(self):
                {}
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1)
        """,
}


@pytest.mark.parametrize("place", PLACES)
def test_exit_status_from(place: str) -> None:
    for n, ending, status in ((2, "charm.exit(7)", 7), (1, "charm.exit()", 0), (2, "sys.exit(9)", 9)):
        result = run(PLACES[place].format(ending) + "\n        charm.start(main)", n)
        assert result.status == status and "Traceback" not in result.said, (ending, result)


@pytest.mark.parametrize(
    "ending, status",
    [("sys.exit()", 0), ("sys.exit(None)", 0), ("exit(0)", 0), ("exit(255)", 255), ("raise SystemExit", 0)],
)
def test_exit_of_python(ending: str, status: int) -> None:
    for place, n in (("entry", None), ("coroutine", 2)):
        result = run(PLACES[place].format(ending) + "\n        charm.start(main)", n)
        assert result.status == status and "Traceback" not in result.said, (place, result)


@pytest.mark.parametrize("place, n", [("entry", None), ("method", 2), ("coroutine", 1), ("async method", 2)])
def test_exit_with_an_object_prints_it(place: str, n: int | None) -> None:
    text = PLACES[place].format("sys.exit('no more coffee')") + "\n        charm.start(main)"
    result = fails(text, n, "no more coffee", status=1)
    assert "Traceback" not in result.said and result.said.count("no more coffee") == 1


@pytest.mark.parametrize("n", (None, 4))
@pytest.mark.parametrize(
    "ending, status",
    [
        ("charm.thisProxy.exit(5)", 5),
        ("charm.thisProxy[0].exit(6)", 6),
        ("charm.thisProxy[charm.numPes() - 1].exit()", 0),
        ("Group(Box).end(charm.thisProxy.exit)", 0),
        ("Group(Box).end(charm.thisProxy[0].exit)", 0),
        ("Group(Box).end_with(charm.thisProxy[0].exit)", None),
    ],
)
def test_remote_exit(n: int | None, ending: str, status: int | None) -> None:
    text = f"""
        class Box(Chare):
            def end(self, target):
                self.reduce(target)
            def end_with(self, target):
                self.contribute(3, Reducer.sum, target)
        def main(args):
            {ending}
        charm.start(main)
        """
    result = run(text, n)
    assert result.status == (3 * (n or 1) if status is None else status), result
    assert "Traceback" not in result.said


@pytest.mark.parametrize("n", ALL)
def test_the_runtimes_proxy(n: int | None) -> None:
    holds(
        """
        class Box(Chare):
            @coro
            def ask(self, proxy):
                return proxy.myPe(ret=True).get(), charm.thisProxy == proxy

        def main(args):
            pes = list(range(charm.numPes()))
            eq("of all", charm.thisProxy.myPe(ret=True).get(), pes)
            for pe in pes:
                eq("of one", charm.thisProxy[pe].myPe(ret=True).get(), pe)
            for got in Group(Box).ask(charm.thisProxy, ret=True).get():
                eq("the same everywhere", got, (pes, True))
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_what_was_printed_before_exit_arrives(n: int | None) -> None:
    result = run(
        """
        class Box(Chare):
            def speak(self):
                sys.stdout.write("".join(f"line {i} of {self.thisIndex}\\n" for i in range(200)))
                print(f"error of {self.thisIndex}", file=sys.stderr)
        def main(args):
            Group(Box).speak(awaitable=True).get()
            charm.exit(4)
        charm.start(main)
        """,
        n,
    )
    assert result.status == 4
    wanted = [f"line {i} of {pe}" for pe in range(n or 1) for i in range(200)]
    assert [line for line in result.lines() if line.startswith("line ")] == sorted(wanted)
    assert all(f"error of {pe}\n" in result.stderr for pe in range(n or 1))


@pytest.mark.parametrize("n, pe", [(None, 0), (1, 0), (4, 0), (4, 2)])
def test_abort_prints_its_message_and_the_stack(n: int | None, pe: int) -> None:
    result = fails(
        f"""
        class Box(Chare):
            def brood(self):
                self.give_up()
            def give_up(self):
                charm.abort("out of cheese")
        def main(args):
            Chare(Box, onPE={pe}).brood()
        charm.start(main)
        """,
        n,
        "out of cheese",
        "give_up",
        f"PE {pe}",
    )
    assert result.said.count("out of cheese") <= 2  # the message, and perhaps the line of the stack that holds it


MODULES = {
    "one.py": """
        from chariot import Chare, charm
        class Worker(Chare):
            def who(self):
                return "one", charm.myPe()
        class OnlyHere(Chare):
            def make(self):
                return Chare(OnlyHere, onPE=0)
        """,
    "two.py": """
        from chariot import Chare, charm
        class Worker(Chare):
            def who(self):
                return "two", charm.myPe()
        """,
    "pack/__init__.py": "",
    "pack/three.py": """
        from chariot import Chare, charm
        class Worker(Chare):
            def who(self):
                return "three", charm.myPe()
        """,
    "four.py": """
        from chariot import Chare, charm
        class Worker4(Chare):
            def who(self):
                return "four", charm.myPe()
        """,
}


@pytest.mark.parametrize("n", ALL)
def test_classes_of_modules(n: int | None) -> None:
    """From `modules=` (imported if need be), from `classes=`, imported into __main__; some of the same name."""
    holds(
        """
        from four import Worker4

        class Worker(Chare):
            def who(self):
                return "main", charm.myPe()
            def kinds(self, proxies):
                return [p[self.thisIndex] == p[0] for p in proxies], len(set(proxies))

        class Derived(Worker4):
            def who(self):
                return ("derived",) + super().who()

        def main(args):
            import one, two, pack.three
            pes = range(charm.numPes())
            for name, cls in (("main", Worker), ("one", one.Worker), ("two", two.Worker), ("three", pack.three.Worker),
                              ("four", Worker4)):
                eq(name, Group(cls).who(ret=True).get(), [(name, pe) for pe in pes])
                eq(name, Chare(cls, onPE=charm.numPes() - 1).who(ret=True).get(), (name, charm.numPes() - 1))
            eq("derived", Array(Derived, 3).who(ret=True).get()[0], ("derived", "four", 0))
            proxies = [Group(cls) for cls in (Worker, one.Worker, two.Worker)]
            eq("as arguments", Group(Worker).kinds(proxies, ret=True).get()[0], ([True] * 3, 3))
            check("made there", Chare(one.OnlyHere).make(ret=True).get().make(ret=True).get() is not None)
            done()

        import two
        charm.start(main, modules=["one", "pack.three"], classes=[two.Worker])
        """,
        n,
        files=MODULES,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_manual_registration(n: int) -> None:
    holds(
        """
        import one
        charm.register(one.Worker)
        charm.register(one.Worker)

        class Other(Chare):
            pass

        def main(args):
            eq("registered", Group(one.Worker).who(ret=True).get()[0], ("one", 0))
            raises("not registered", "Charm4PyError", lambda: Group(one.OnlyHere), "OnlyHere")
            class Late(Chare):
                pass
            raises("defined too late", "Charm4PyError", lambda: Chare(Late), "Late")
            done()

        charm.start(main, classes=[Other])
        """,
        n,
        files=MODULES,
    )


REFUSED = {
    "no parameter": ("def main(): pass\ncharm.start(main)", True, "main"),
    "two parameters": ("def main(a, b): pass\ncharm.start(main)", True, "main"),
    "chare without parameter": ("class M(Chare):\n def __init__(self): pass\ncharm.start(M)", True, "M"),
    "chare of two parameters": ("class M(Chare):\n def __init__(self, a, b): pass\ncharm.start(M)", True, "M"),
    "not callable": ("charm.start(5)", False, ""),
    "a string": ("charm.start('main')", False, ""),
    "no chare among classes": ("def main(a): pass\ncharm.start(main, classes=[dict])", True, "dict"),
    "no such keyword": ("def main(a): pass\ncharm.start(main, clases=[])", False, "clases"),
    "parameter ret": (
        "class C(Chare):\n def m(self, ret): pass\ndef main(a): pass\ncharm.start(main)", False, "ret"
    ),
    "reserved wait": ("class C(Chare):\n def wait(self): pass\ndef main(a): pass\ncharm.start(main)", True, "wait"),
    "reserved contribute": (
        "class C(Chare):\n def contribute(self): pass\ndef main(a): pass\ncharm.start(main)", True, "contribute"
    ),
    "reserved reduce": ("class C(Chare):\n def reduce(self): pass\ndef main(a): pass\ncharm.start(main)", True, "reduce"),
    "reserved allreduce": (
        "class C(Chare):\n def allreduce(self): pass\ndef main(a): pass\ncharm.start(main)", True, "allreduce"
    ),
    "reserved AtSync": ("class C(Chare):\n def AtSync(self): pass\ndef main(a): pass\ncharm.start(main)", True, "AtSync"),
    "reserved migrate": (
        "class C(Chare):\n def migrate(self): pass\ndef main(a): pass\ncharm.start(main)", True, "migrate"
    ),
    "reserved setMigratable": (
        "class C(Chare):\n def setMigratable(self): pass\ndef main(a): pass\ncharm.start(main)", True, "setMigratable"
    ),
    "derived from Group": ("class C(Group): pass\ndef main(a): pass\ncharm.start(main)", False, ""),
}


@pytest.mark.parametrize("case", REFUSED)
def test_start_refuses(case: str) -> None:
    body, is_charm4py_error, word = REFUSED[case]
    lines = "\n".join("    " + line for line in body.splitlines())
    text = f"try:\n{lines}\nexcept Exception as e:\n"
    text += "    print('raised', is_charm_error(e), isinstance(e, (TypeError, ValueError)), str(e))\n    sys.exit(3)\n"
    # Classes and the entry are made inside `try`, at module level: charm.start finds them in __main__.
    result = run(text, None)
    raised = next((line for line in result.stdout.splitlines() if line.startswith("raised ")), "")
    assert raised, result
    assert raised.startswith("raised True") or (not is_charm4py_error and raised.startswith("raised False True")), raised
    assert word in raised


def test_gather_is_free_for_users() -> None:
    holds(
        """
        class Box(Chare):
            def gather(self, x):
                return x + self.thisIndex
        def main(args):
            eq("gather", Group(Box).gather(5, ret=True).get()[0], 5)
            done()
        charm.start(main)
        """,
        2,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_names_that_the_package_exports(n: int | None) -> None:
    holds(
        """
        import chariot
        from chariot.threads import NotThreadedError
        import chariot.threads

        def main(args):
            for name in ("charm", "Chare", "Group", "Array", "Reducer", "Future", "coro"):
                check(name, hasattr(chariot, name))
            check("one Reducer", charm.reducers is Reducer)
            check("NotThreadedError", issubclass(NotThreadedError, Exception))
            check("a Future is a threads.Future", isinstance(Future(), chariot.threads.Future))
            check("charm.Future", isinstance(charm.Future(), chariot.threads.Future))
            check("charm.createFuture", isinstance(charm.createFuture(), chariot.threads.Future))
            done()

        charm.start(main)
        """,
        n,
    )


# ---------------------------------------------------------------- every kind of value that may be given to an exit

STATUSES = [
    ("None", 0, ""),
    ("True", 1, ""),
    ("256 + 44", 44, ""),
    ("-1", 255, ""),
    ("2 ** 70", 255, ""),
    ("np.uint8(7)", 7, ""),
    ("[1, 'two']", 1, "[1, 'two']"),
    ("Speechless()", 1, ""),
]


@pytest.mark.parametrize("ending", ("charm.exit", "sys.exit"))
def test_every_kind_of_exit_code(ending: str) -> None:
    places = list(PLACES)
    for i, (value, status, said) in enumerate(STATUSES):
        place = places[i % len(places)]
        text = PLACES[place].format(f"{ending}({value})") + """
        class Speechless:
            def __str__(self):
                raise ValueError
        charm.start(main)"""
        result = run(text, 2 if i % 2 else None, options=["--quiet"] if i % 2 else [])
        assert result.status == status, (ending, value, place, result)
        assert "Traceback" not in result.said and result.said.count(said) == (1 if said else len(result.said) + 1), result


MORE_PLACES = {
    "timer": """
        def end(x):
            {}
        def main(args):
            charm.scheduleCallableAfter(end, 0, [1])
        """,
    "timer coroutine": """
        @coro
        def end(x):
            charm.sleep(0)
            {}
        def main(args):
            charm.scheduleCallableAfter(end, 0, [1])
        """,
    "main chare": """
        class main(Chare):
            def __init__(self, args):
                Future().get(timeout=0.01) if False else None
                {}
        """,
    "method of the main chare": """
        class Box(Chare):
            def call(self, main):
                main.end()
        class main(Chare):
            def __init__(self, args):
                Chare(Box, args=[], onPE=charm.numPes() - 1).call(self.thisProxy)
            def end(self):
                {}
        """,
    "async entry": """
        async def main(args):
            f = Future()
            f.send(1)
            await f
            {}
        """,
    "async constructor": """
        class Box(Chare):
            async def __init__(self):
                f = Future()
                f.send(1)
                await f
                {}
        def main(args):
            Chare(Box, onPE=charm.numPes() - 1)
        """,
    "coroutine constructor": """
        class Box(Chare):
            @coro
            def __init__(self):
                charm.sleep(0)
                {}
        def main(args):
            Array(Box, 3)
        """,
    "target of a reduction": """
        class Box(Chare):
            def go(self):
                self.reduce(self.thisProxy[charm.numPes() - 1].end)
            def end(self):
                {}
        def main(args):
            Group(Box).go()
        """,
}


@pytest.mark.parametrize("place", MORE_PLACES)
def test_endings_of_more_places(place: str) -> None:
    """By status, by an object, by an exception, by abort."""
    start = "\n        charm.start(main)"
    for ending, status, n in (("charm.exit(7)", 7, None), ("sys.exit(9)", 9, 2)):
        result = run(MORE_PLACES[place].format(ending) + start, n)
        assert result.status == status and "Traceback" not in result.said, (ending, result)
    result = fails(MORE_PLACES[place].format("1 / 0") + start, 2, "ZeroDivisionError: division by zero", status=1)
    head = result.stderr.splitlines()[1]
    assert head.startswith("PE ") and head.endswith("(): Traceback (most recent call last):"), head
    fails(MORE_PLACES[place].format("charm.abort('enough')") + start, None, "PE 0 called abort: enough", status=1)


@pytest.mark.parametrize("n", (None, 2))
def test_the_main_chares_class_serves_nothing_else(n: int | None) -> None:
    holds(
        """
        class Main(Chare):
            def __init__(self, args):
                class Late(Chare):
                    pass
                for what, make in (("group", lambda: Group(Main)), ("array", lambda: Array(Main, 2)),
                                   ("empty array", lambda: Array(Main, ndims=1)), ("chare", lambda: Chare(Main))):
                    raises(what, "Charm4PyError", make, "Main", "main chare")
                raises("second start", "Charm4PyError", lambda: charm.start(Main), "once")
                raises("registering late", "Charm4PyError", lambda: charm.register(Late), "Late", "registerNewChareTypes")
                done()

        charm.start(Main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_registration_for_some_collections(n: int | None) -> None:
    """register(C, collections=(GROUP, ARRAY)); the class decorator register."""
    holds(
        """
        import extra
        from chariot import GROUP, ARRAY, register
        from chariot.chare import GROUP as group_too, ARRAY as array_too
        from chariot.charm import Charm4PyError

        class Grouped(Chare):
            def who(self):
                return charm.myPe()
        class Arrayed(Grouped):
            pass
        class Both(Grouped):
            pass

        check("where programs look", (GROUP, ARRAY) == (group_too, array_too) and Charm4PyError is type(
            raises("no chare", "Charm4PyError", lambda: charm.register(dict), "dict")))
        charm.register(Grouped, collections=(GROUP,))
        charm.register(Arrayed, (ARRAY,))
        charm.register(Both, collections=[ARRAY, GROUP])
        charm.register(Both, collections=(GROUP,))      # repeated: ignored
        refused("no collection", lambda: charm.register(Both, collections=()), "GROUP")
        refused("another", lambda: charm.register(Both, collections=(99,)), "99")
        refused("no tuple", lambda: charm.register(Both, collections=GROUP), "GROUP")

        def main(args):
            pes = list(range(charm.numPes()))
            eq("a group", Group(Grouped).who(ret=True).get(), pes)
            eq("an array", len(Array(Arrayed, 3).who(ret=True).get()), 3)
            eq("one", Chare(Arrayed, onPE=pes[-1]).who(ret=True).get(), pes[-1])
            eq("both", (Group(Both).who(ret=True).get(), Chare(Both, onPE=0).who(ret=True).get()), (pes, 0))
            raises("no array", "Charm4PyError", lambda: Array(Grouped, 3), "Grouped", "groups only")
            raises("no single one", "Charm4PyError", lambda: Chare(Grouped), "Grouped", "groups only")
            raises("no group", "Charm4PyError", lambda: Group(Arrayed), "Arrayed", "arrays only")
            eq("decorated", Group(extra.Decorated).who(ret=True).get(), ["extra"] * len(pes))
            done()

        charm.start(main)
        """,
        n,
        files={
            "extra.py": """
                from chariot import Chare, register
                @register
                class Decorated(Chare):
                    def who(self):
                        return __name__
                """
        },
    )


@pytest.mark.parametrize("n", (None, 2))
def test_start_in_a_module_that_the_program_imports(n: int | None) -> None:
    result = run(
        "import app",
        n,
        args=["a"],
        files={
            "app.py": """
                from chariot import Chare, Group, charm
                class Box(Chare):
                    def who(self):
                        return charm.myPe()
                def main(args):
                    print(args[1:], Group(Box).who(ret=True).get())
                    charm.exit(4)
                charm.start(main)
                """
        },
    )
    assert result.status == 4 and result.stdout == f"['a'] {list(range(n or 1))}\n", result


@pytest.mark.parametrize("n", (None, 2))
def test_a_refused_start_may_be_tried_again(n: int | None) -> None:
    """Each error says what is wrong, and leaves nothing behind."""
    holds(
        """
        class Box(Chare):
            def who(self):
                return charm.myPe()
        def main(args):
            eq("runs", Group(Box).who(ret=True).get(), list(range(charm.numPes())))
            done()
        refused("no entry", lambda: charm.start(), "entry")
        refused("None", lambda: charm.start(None), "entry")
        refused("two entries", lambda: charm.start([main, main]), "entry")
        refused("modules as a str", lambda: charm.start(main, modules="os"), "list", "os")
        refused("modules of others", lambda: charm.start(main, modules=[5]), "module names", "int")
        raises("no such module", ModuleNotFoundError, lambda: charm.start(main, modules=["nowhere"]), "nowhere")
        refused("classes: one class", lambda: charm.start(main, classes=Box), "list")
        refused("classes: an object", lambda: charm.start(main, classes=[Box()]), "Box")
        refused("lambda of two", lambda: charm.start(lambda a, b: None), "one parameter")
        refused("keyword-only", lambda: charm.start(lambda *, a: None), "one parameter")
        check("not started", charm.started is False)
        charm.start(main)
        """,
        n,
    )


def test_garbage_is_collected_before_the_job_runs() -> None:
    holds(
        """
        import gc, weakref
        gc.disable()
        class Box(Chare):
            def look(self):
                return ref() is None
        class Loop:
            pass
        loop = Loop()
        loop.itself = loop
        ref = weakref.ref(loop)
        del loop
        def main(args):
            eq("collected", Group(Box).look(ret=True).get(), [True] * charm.numPes())
            done()
        charm.start(main)
        """,
        2,
    )


@pytest.mark.parametrize("n", ALL)
def test_host_queries(n: int | None) -> None:
    """§3.3: the lists partition the PEs; ranks are places in them; numbers that are none are refused."""
    holds(
        """
        class Box(Chare):
            def look(self):
                return charm.myHost(), charm.numHosts(), [charm.getHostPes(h) for h in range(charm.numHosts())]

        def main(args):
            pes = list(range(charm.numPes()))
            for pe, (host, hosts, lists) in enumerate(Group(Box).look(ret=True).get()):
                eq("partition", sorted(pe for members in lists for pe in members), pes)
                check("my host", pe in lists[host] and host == charm.getPeHost(pe) and hosts == charm.numHosts())
            for host in range(charm.numHosts()):
                members = charm.getHostPes(host)
                eq("first", charm.getHostFirstPe(host), members[0])
                eq("count", charm.getHostNumPes(np.int64(host)), len(members))
                eq("ranks", [charm.getPeHostRank(pe) for pe in members], list(range(len(members))))
            for name, last in (("getHostPes", charm.numHosts()), ("getHostFirstPe", charm.numHosts()),
                               ("getHostNumPes", charm.numHosts()), ("getPeHost", len(pes)), ("getPeHostRank", len(pes))):
                ask = getattr(charm, name)
                for bad in (last, -1, 2 ** 40, 2 ** 70):
                    raises(f"{name}({bad})", ValueError, lambda: ask(bad), str(bad))
                for bad in (0.0, "0", None):
                    raises(f"{name}({bad!r})", TypeError, lambda: ask(bad))
            done()

        raises("before the start", "Charm4PyError", charm.numHosts, "charm.start")
        charm.start(main)
        """,
        n,
    )


REMINDER = "prog.py has ended without starting the runtime: call charm.start(main)"


@pytest.mark.parametrize(
    "body, n, status, said, reminded",
    [
        ("pass", None, 0, "", True),
        ("pass", 2, 1, "", True),
        ("charm.exit(5)", None, 5, "", False),
        ("charm.exit(5)", 2, 5, "prog.py ended with status 5 before charm.start()", False),
        ("sys.exit('nope')", 2, 1, "nope", False),
        ("charm.myPe() == 1 and sys.exit(3)\ncharm.start(lambda args: None)", 2, 3, "status 3", False),
        ("charm.abort('too early')", None, 1, "PE 0 called abort: too early", False),
        ("1 / 0", None, 1, "ZeroDivisionError: division by zero", False),
        ("1 / 0", 2, 1, "ZeroDivisionError: division by zero", False),
        ("try:\n    charm.start(5)\nexcept TypeError:\n    pass", None, 0, "", False),
    ],
)
def test_programs_that_end_before_they_start(body: str, n: int | None, status: int, said: str, reminded: bool) -> None:
    """What is wrong is said once for the job; the reminder comes where charm.start() was forgotten, and only there."""
    result = run(body, n)
    assert result.status == status and said in result.stderr, result
    assert result.stderr.count(REMINDER) == reminded and result.stderr.count("ZeroDivisionError") == ("Zero" in said), result
