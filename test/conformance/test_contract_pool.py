"""Contract §12, the pool: every call and edge, on 1 PE and more; from any PE; nested; errors."""

from __future__ import annotations

import pytest
from harness import fails, holds

ALL = (None, 1, 2, 3, 4)

TASKS = """
        def square(x):
            return x * x
        def nothing(x):
            return None
        def add(a, b=2, *more):
            return a + b + sum(more)
        def where(x):
            return charm.myPe()
        def slow(x):
            time.sleep(x)
            return charm.myPe()
        def bad(x):
            if x in (5, 6):
                raise ValueError(f"it is {x}")
            return x
        def change(values):
            values.append(1)
            return values
        def plain_wait(x):
            return charm.pool.map(square, [x])
        @coro
        def fib(n):
            return n if n < 2 else sum(charm.pool.map(fib, [n - 1, n - 2]))
        async def fib_async(n):
            return n if n < 2 else sum(await charm.pool.map(fib_async, [n - 1, n - 2]))
        @coro
        def tree(depth):
            fs = [charm.pool.Task(tree, (depth - 1,), ret=True) for _ in range(2)] if depth else []
            return 1 + sum(f.get() for f in fs)
        @coro
        def pause(x):
            charm.sleep(0.01)
            return x
        @coro
        def pause_bad(x):
            charm.sleep(0.01)
            raise ValueError(f"late {x}")
        class Callable:
            def __init__(self, by):
                self.by = by
            def __call__(self, x):
                return self.by * x
            def method(self, x):
                return self.by + x
        the_list = [1, 2]
        def same_list(x):
            return the_list
        class Odd(Exception):
            def __init__(self, a, b):
                super().__init__(f"{a} and {b}")
                self.a, self.b = a, b
            def __reduce__(self):
                return Odd, (self.a, self.b)
        def odd(x):
            raise Odd(x, 2)
"""


@pytest.mark.parametrize("n", ALL)
def test_calls(n: int | None) -> None:
    """map, map_async, Task, submit, submit_async; all kinds of functions, iterables, arguments, results."""
    holds(
        TASKS
        + """
        def main(args):
            pool = charm.pool
            want = [i * i for i in range(100)]
            for size in (1, 2, 7, 99, 100, 1000):
                eq(f"map by {size}", pool.map(square, range(100), size), want)
                eq(f"submit by {size}", pool.submit([(square, i) for i in range(100)], size), want)
            for cores in (-1, -5, 1, charm.numPes()):
                eq(f"map on {cores}", pool.map(square, range(100), ncores=cores, chunksize=3), want)
            eq("by name", pool.map(func=square, iterable=[3], chunksize=1, ncores=-1), [9])
            eq("many", pool.map(square, range(20000)), [i * i for i in range(20000)])
            eq("None", pool.map(nothing, range(5)), [None] * 5)
            for empty in ([], (), range(0), iter([]), {}, (i for i in ())):
                eq("of nothing", pool.map(square, empty), [])
            eq("of nothing, later", pool.map_async(square, []).get(), [])
            eq("of nothing, many", pool.map_async(square, [], multi_future=True), [])
            eq("submit nothing", (pool.submit([]), pool.submit_async([]).get()), ([], []))
            for name, it in (("generator", (i for i in range(9))), ("set", {4}), ("dict", {2: 3}), ("str", "12"),
                             ("array", np.arange(3)), ("iterator", iter([1, 2]))):
                got = pool.map(str, it)
                check(name, all(type(s) is str for s in got) and len(got) > 0)
            eq("order", pool.map(str, (i for i in range(50)), chunksize=3), [str(i) for i in range(50)])

            # functions
            three = 3
            eq("lambda", pool.map(lambda x: x + 1, [1, 2]), [2, 3])
            eq("closure", pool.map(lambda x: x + three, [1, 2], 2), [4, 5])
            eq("built-in", pool.map(abs, [-1, -2]), [1, 2])
            eq("object", pool.map(Callable(4), [1, 2]), [4, 8])
            eq("method", pool.map(Callable(4).method, [1, 2]), [5, 6])
            eq("class", pool.map(complex, [1]), [1 + 0j])
            for size in (1, 2, 3):
                eq(f"objects by {size}", [c.by for c in pool.map(Callable, range(7), size)], list(range(7)))
                eq(f"the same list by {size}", pool.map(same_list, range(7), size), [[1, 2]] * 7)
            import functools
            eq("partial", pool.map(functools.partial(add, 10), [1]), [11])
            one = Callable(1)
            fs = [pool.Task(one, (1,), ret=True)]
            one.by = 2
            fs.append(pool.Task(one, (1,), ret=True))
            eq("as it is now", [f.get() for f in fs], [1, 2])

            # async
            f = pool.map_async(square, range(10))
            eq("map_async", f.get(), want[:10])
            fs = pool.map_async(square, range(10), 3, multi_future=True)
            eq("one future each", [type(fs), len(fs), [f.get() for f in fs]], [list, 10, want[:10]])
            fs = [pool.map_async(square, range(k)) for k in range(30)]
            eq("many at a time", [f.get() for f in fs], [want[:k] for k in range(30)])
            eq("mixed", pool.submit([(square, 3), (abs, -4), (fib, 6), (str, 1)], 2), [9, 4, 8, "1"])
            eq("mixed, one by one", pool.submit(iter([(square, 3), [abs, -4], (pause, 6)])), [9, 4, 6])
            eq("submit_async", pool.submit_async([(square, 3), (abs, -4)]).get(), [9, 4])
            fs = pool.submit_async([(square, 3), (abs, -4), (fib, 5)], 2, multi_future=True)
            eq("submit_async each", [f.get() for f in fs], [9, 4, 5])

            # Task
            eq("Task", pool.Task(add, (1, 2, 3), ret=True).get(), 6)
            eq("defaults", pool.Task(add, [1], ret=True).get(), 3)
            eq("args by name", pool.Task(func=add, args=(1, 1), ret=True).get(), 2)
            eq("its end", pool.Task(add, (1, 2), awaitable=True).get(), None)
            eq("nobody", pool.Task(add, (1, 2)), None)
            eq("tuple", pool.Task(tuple, ([1, 2],), ret=True).get(), (1, 2))
            fs = [pool.Task(square, (i,), ret=True) for i in range(500)]
            eq("many Tasks", [f.get() for f in fs], [i * i for i in range(500)])
            f = Future(5)
            for k in range(5):
                pool.Task(f.send, (k,))
            eq("a future's method", sorted(f.get()), [0, 1, 2, 3, 4])
            def one_of_many(k):
                return eval("lambda x: x + %d" % k)
            eq("many functions", [pool.Task(one_of_many(k), (1,), ret=True).get() for k in range(80)],
               [k + 1 for k in range(80)])

            # values
            a = np.arange(10000.0)
            got = pool.map(lambda x: x * 2, [a, a[:3], a[::2]])
            check("arrays", all(same(g, w) for g, w in zip(got, [a * 2, a[:3] * 2, a[::2] * 2])))
            check("writable", got[0].flags.writeable)
            big = pool.map(np.sum, [np.full(200000, k) for k in range(10)])
            eq("large arrays", [int(b) for b in big], [200000 * k for k in range(10)])
            lists = [[k] for k in range(4)]
            eq("changed there", pool.map(change, lists), [[k, 1] for k in range(4)])
            eq("not here", lists, [[k] for k in range(4)])
            mine = [7]
            eq("a Task's too", (pool.Task(change, (mine,), ret=True).get(), mine), ([7, 1], [7]))
            eq("exceptions as values", type(pool.map(ValueError, ["x"])[0]), ValueError)
            eq("big numbers", pool.map(square, [2**70]), [2**140])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 3))
def test_what_the_iterable_waits_for(n: int | None) -> None:
    """What it gave before is done meanwhile, and what is being pickled waits for, too."""
    holds(
        TASKS
        + """
        def do(x):
            if hasattr(x, "send"):
                x.send()
                return 0
            return float(np.sum(x))
        class Waits:
            def __init__(self, future):
                self.future = future
            def __reduce__(self):
                self.future.get(20)
                return float, ("5",)
        def elements():
            f = Future(2)
            yield f
            yield f
            f.get(20)
            yield 7
        def pairs():
            return ((do, x) for x in elements())

        def main(args):
            pool = charm.pool
            for size in (1, 2):
                eq("map", pool.map(do, elements(), size), [0, 0, 7.0])
                eq("map_async", pool.map_async(do, elements(), size).get(), [0, 0, 7.0])
                eq("submit", pool.submit(pairs(), size), [0, 0, 7.0])
                eq("submit_async", pool.submit_async(pairs(), size).get(), [0, 0, 7.0])
                f = Future()
                eq(f"pickling by {size}", pool.map(do, [1, 2, 3, f, np.ones(3000), Waits(f), np.ones(5), 4], size),
                   [1.0, 2.0, 3.0, 0, 3000.0, 5.0, 5.0, 4.0])
                f = Future()
                given = [(do, x) for x in (1, 2, 3, f, Waits(f), np.ones(5))]
                given.insert(4, (len, b"x" * 999))
                eq(f"pairs by {size}", pool.submit(given, size), [1.0, 2.0, 3.0, 0, 999, 5.0, 5.0])
            def slowly():
                for k in range(5):
                    yield k
                    charm.sleep(0.01)
            fs = pool.map_async(square, slowly(), multi_future=True)
            eq("one future each", [f.get(20) for f in fs], [0, 1, 4, 9, 16])
            fs = pool.submit_async([(square, k) for k in range(5)] + [(abs, Waits(fs[0]))], multi_future=True)
            eq("of pairs", [f.get(20) for f in fs], [0, 1, 4, 9, 16, 5.0])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 3))
def test_exceptions_that_are_returned(n: int | None) -> None:
    """They are values, of whatever kind the function is, and whatever way it was called."""
    holds(
        TASKS
        + """
        def plain(x):
            return ValueError(x)
        @coro
        def waiting(x):
            charm.sleep(0.001 * x)
            return ValueError(x)
        async def waiting_async(x):
            return ValueError(x)
        class E(Chare):
            @coro
            def ask(self, future):
                return [future.get()]

        def main(args):
            pool, ex = charm.pool, charm.pool.executor()
            last = Chare(E, onPE=charm.numPes() - 1)
            def are_values(what, values):
                eq(what, [(type(v), v.args) for v in values], [(ValueError, (k,)) for k in range(3)])
            for f in (plain, waiting, waiting_async):
                pairs = [(f, k) for k in range(3)]
                for size in (1, 2, 3):
                    are_values(f"map by {size}", pool.map(f, range(3), size))
                    are_values("submit", pool.submit(pairs, size))
                    are_values("map_async", pool.map_async(f, range(3), size).get())
                    are_values("a future each", [g.get() for g in pool.map_async(f, range(3), size, multi_future=True)])
                    are_values("submit_async", [g.get() for g in pool.submit_async(pairs, size, multi_future=True)])
                    are_values("executor.map", ex.map(f, range(3), chunksize=size))
                are_values("Task", [pool.Task(f, (k,), ret=True).get() for k in range(3)])
                are_values("elsewhere", [last.ask(pool.Task(f, (k,), ret=True), ret=True).get()[0] for k in range(3)])
                eq("its end", pool.Task(f, (1,), awaitable=True).get(), None)
                eq("nobody", pool.Task(f, (1,)), None)
                are_values("executor", [ex.submit(f, k).result() for k in range(3)])
                eq("no exception of the call", ex.submit(f, 1).exception(), None)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_functions_that_go_by_value(n: int | None) -> None:
    """Each Task calls its function as that is now, with the globals that it uses."""
    holds(
        TASKS
        + """
        by = 1
        class Hides:
            def __init__(self, function):
                self.function = function
        @Hides
        def hidden(x):
            return x + by

        def main(args):
            global by
            made = {"__name__": "__main__"}
            exec("def f(x): return x + by", made)
            ex = charm.pool.executor()
            for by in (1, 2, 3):
                made["by"] = by
                for function in (made["f"], hidden.function):
                    eq("Task", charm.pool.Task(function, (0,), ret=True).get(), by)
                    eq("executor", ex.submit(function, 0).result(), by)
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 3))
def test_in_asyncio(n: int | None) -> None:
    """A task of an asyncio loop awaits map() and submit(), and its loop goes on."""
    holds(
        "        import asyncio\n"
        + TASKS
        + """
        async def work():
            over = asyncio.Event()
            async def opens():
                await asyncio.sleep(0.01)
                over.set()
            async def maps():
                return await charm.pool.map(pause, range(3)), await charm.pool.submit([(abs, -1), (fib, 5)])
            got, _, _ = await asyncio.gather(maps(), over.wait(), opens())
            eq("values", got, ([0, 1, 2], [1, 5]))
            try:
                await charm.pool.map(bad, [5])
            except ValueError as error:
                return str(error)

        def main(args):
            eq("error", asyncio.run(work()), "it is 5")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 1, 3))
def test_interrupted(n: int | None) -> None:
    """An exception that is thrown into a coroutine which waits for a map drops what nobody has begun."""
    holds(
        TASKS
        + """
        from chariot import _core
        def mark(x):
            open(f"did-{x}", "w").close()
            time.sleep(0.01)
        def begun():
            return sum(name.startswith("did-") for name in os.listdir())

        def main(args):
            task = _core._task_now()
            for name, given in (("all of it was put in", range(2000)), ("there is more", range(10000, 20000))):
                before = begun()
                charm.scheduleCallableAfter(lambda: _core._task_throw(task, LookupError("enough")), 0.1)
                raises(name, LookupError, lambda: charm.pool.map(mark, given), "enough")
                charm.waitQD()
                check(f"what nobody had begun was dropped: {begun() - before}", 0 < begun() - before < 1000)
            eq("still works", charm.pool.map(square, range(5)), [0, 1, 4, 9, 16])
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_nested(n: int | None) -> None:
    """Coroutine tasks free their worker while they wait: nested maps do not deadlock, with one worker either."""
    holds(
        TASKS
        + """
        class E(Chare):
            @coro
            def use(self, k):
                return charm.pool.map(square, range(k)), charm.pool.Task(fib, (7,), ret=True).get()
            async def use_async(self, k):
                one = await charm.pool.map(square, range(k), 2)
                two = await charm.pool.map_async(square, range(k))
                return one == two, await charm.pool.Task(fib_async, (6,), ret=True), await charm.pool.submit([(abs, -1)])
            def use_plainly(self, k, future):
                fs = charm.pool.map_async(square, range(k), multi_future=True)
                charm.pool.Task(square, (k,))
                try:
                    charm.pool.map(square, range(k))
                except Exception as error:
                    future.send((type(error).__name__, "E.use_plainly" in str(error), "@coro" in str(error)))
                return len(fs)

        @coro
        def with_one(x):
            return sum(charm.pool.map(fib, [x, x], ncores=1))

        def main(args):
            pool = charm.pool
            eq("fib", pool.map(fib, range(13)), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144])
            eq("on one", pool.map(fib, range(9), ncores=1), [0, 1, 1, 2, 3, 5, 8, 13, 21])
            eq("in one chunk", pool.map(fib, range(9), chunksize=9), [0, 1, 1, 2, 3, 5, 8, 13, 21])
            eq("all on one", pool.map(with_one, [5, 6], ncores=1), [10, 16])
            eq("async def", pool.map(fib_async, range(10)), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34])
            eq("chunks of it", pool.map(fib_async, range(10), 4), [0, 1, 1, 2, 3, 5, 8, 13, 21, 34])
            eq("tree of Tasks", pool.Task(tree, (7,), ret=True).get(), 255)
            eq("waiting is no work", pool.map(pause, range(200)), list(range(200)))
            eq("waiting one by one", pool.map(pause, range(7), 3), list(range(7)))
            eq("end of one that waits", pool.Task(pause, (1,), awaitable=True).get(), None)
            last = charm.numPes() - 1
            g = Group(E)
            fs = [g[pe].use(20, ret=True) for pe in range(charm.numPes())]
            for f in fs:
                eq("from every PE", f.get(), ([i * i for i in range(20)], 13))
            for pe in {0, last}:
                eq("async method", g[pe].use_async(20, ret=True).get(), (True, 8, [1]))
                f = Future()
                eq("plain method", g[pe].use_plainly(5, f, ret=True).get(), 5)
                eq("may not wait", f.get(), ("NotThreadedError", True, True))
            f = Future()
            def of_timer():
                pool.map_async(square, [1, 2])
                f.send("no trouble")
            charm.scheduleCallableAfter(of_timer, 0)
            eq("from a timer", f.get(), "no trouble")
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_errors(n: int | None) -> None:
    """Refused arguments; exceptions of tasks: remaining tasks dropped, raised at get(), with the remote trace."""
    result = holds(
        TASKS
        + """
        def cannot_come(x):
            return (i for i in ())
        @coro
        def cannot_come_late(x):
            charm.sleep(0.001)
            return (i for i in ())
        def count(x):
            charm_count.append(x)
            time.sleep(0.001)
            if x == 3:
                raise ValueError("three")
        charm_count = []
        class Count(Chare):
            def get(self):
                return len(charm_count)

        def main(args):
            pool = charm.pool
            for name in ("map", "map_async"):
                call = getattr(pool, name)
                refused(name, lambda: call(5, [1]), "must be callable")
                raises(name, TypeError, lambda: call(5, [1]), "int")
                raises(name, TypeError, lambda: call(square, 5), "must be iterable")
                raises(name, TypeError, lambda: call(square), "iterable")
                raises(name, TypeError, lambda: call(square, [1], cores=2), "cores")
                raises(name, ValueError, lambda: call(square, [1], chunksize=0), "chunksize", "0")
                raises(name, ValueError, lambda: call(square, [1], chunksize=-3), "chunksize", "-3")
                raises(name, ValueError, lambda: call(square, [1], ncores=0), "ncores")
                raises(name, TypeError, lambda: call(square, [1, (i for i in ()), 3]), "generator", "cannot be sent")
                raises(name, TypeError, lambda: call((i for i in ()).__next__, [1]), "cannot be sent")
            for name in ("submit", "submit_async"):
                call = getattr(pool, name)
                for wrong in (5, "abc", (square,), (square, 1, 2), None):
                    raises(f"{name} {wrong}", TypeError, lambda: call([(square, 1), wrong]), "pairs")
                raises(name, TypeError, lambda: call([(square, 1), (5, 1)]), "must be callable")
                raises(name, ValueError, lambda: call([(square, 1)], 0), "chunksize")
            raises("Task", TypeError, lambda: pool.Task(5, ()), "must be callable")
            raises("Task args", TypeError, lambda: pool.Task(square, 5), "args", "int")
            raises("Task args", TypeError, lambda: pool.Task(square, ((i for i in ()),)), "cannot be sent")
            raises("Task wrong args", TypeError, lambda: pool.Task(square, (1, 2), ret=True).get(), "square")
            def ill():
                yield 1
                raise LookupError("the iterable's own")
            raises("iterable", LookupError, lambda: pool.map(square, ill()))
            raises("iterable", LookupError, lambda: pool.map_async(square, ill(), 3))
            eq("clamped", pool.map(square, [1, 2], ncores=1000), [1, 4])
            import warnings
            with warnings.catch_warnings(record=True) as seen:
                warnings.simplefilter("always")
                eq("old keyword", pool.map(square, [1], allow_nested=True), [1])
                eq("warned", [w.category for w in seen], [DeprecationWarning])

            # exceptions of tasks
            for size in (1, 3, 50):
                error = raises(f"by {size}", ValueError, lambda: pool.map(bad, range(50), size), "it is")
                pe, trace = error.remote_stacktrace
                check("where", pe in range(charm.numPes()) and "in bad" in trace)
                raises("async", ValueError, pool.map_async(bad, range(50), size).get, "it is")
                fs = pool.map_async(bad, range(4, 8), 2, multi_future=True)
                for f in fs[:2] + fs[2:3]:
                    raises("all of the chunk", ValueError, f.get, "it is")
            fs = pool.map_async(bad, [5] + [0] * 10000, multi_future=True)
            raises("its own", ValueError, fs[0].get)
            raises("and what was dropped", ValueError, fs[-1].get)
            raises("Task", ValueError, pool.Task(bad, (5,), ret=True).get, "it is 5")
            raises("Task", ValueError, pool.Task(bad, (5,), awaitable=True).get, "it is 5")
            raises("late", ValueError, lambda: pool.map(pause_bad, range(4)), "late")
            raises("late in chunks", ValueError, lambda: pool.map(pause_bad, range(4), 2), "late")
            error = raises("of its own class", Odd, lambda: pool.map(odd, [1]), "1 and 2")
            eq("whole", (error.a, error.b), (1, 2))
            error = raises("mixed", ValueError, lambda: pool.submit([(square, 1), (bad, 6), (square, 2)], 3), "it is 6")
            check("where", "in bad" in error.remote_stacktrace[1])
            for f in (cannot_come, cannot_come_late):
                raises("result", TypeError, lambda: pool.map(f, [1]), "cannot be sent", "generator")
                raises("result", TypeError, lambda: pool.map(f, [1, 2], 2), "cannot be sent")
                raises("result", TypeError, pool.Task(f, (1,), ret=True).get, "cannot be sent")
                eq("but not asked for", pool.Task(f, (1,), awaitable=True).get(), None)
            error = raises("a plain function that waits", "NotThreadedError", lambda: pool.map(plain_wait, [1]),
                           "plain_wait", "@coro")
            check("is a Charm4PyError", is_charm_error(error))
            raises("in a Task", "Charm4PyError", pool.Task(plain_wait, (1,), ret=True).get, "plain_wait")
            def naturals():
                k = 0
                while True:
                    yield k
                    k += 1
            raises("endless", ValueError, lambda: pool.map(bad, naturals()), "it is")
            raises("dropped", ValueError, lambda: pool.map(count, range(20000)), "three")
            g = Group(Count)
            check("most were not done", sum(g.get(ret=True).get()) < 10000)
            eq("still works", pool.map(square, range(5)), [0, 1, 4, 9, 16])
            done()

        charm.start(main)
        """,
        n,
    )
    assert "using all" in result.said and "1000" in result.said


@pytest.mark.parametrize("n", (1, 3))
def test_endings(n: int) -> None:
    """An exception in a Task without future aborts the job; SystemExit and charm.exit() in a task end it."""
    prog = TASKS + "\n        def main(args):\n            CALL\n            charm.sleep(20)\n\n        charm.start(main)\n"
    fails(prog.replace("CALL", "charm.pool.Task(bad, (5,))"), n, "PE ", "bad", "ValueError: it is 5")
    fails(prog.replace("CALL", "charm.pool.Task(pause_bad, (5,))"), n, "PE ", "pause_bad", "late 5")
    fails(prog.replace("CALL", "charm.pool.map(sys.exit, [7])"), n, status=7)
    fails(prog.replace("CALL", "charm.pool.Task(charm.exit, (9,))"), n, status=9)


@pytest.mark.parametrize("n", (1, 2))
def test_arguments_whose_pickling_waits_and_makes_tasks(n: int) -> None:
    """Meanwhile the job that they are for may fail, or be the oldest of many."""
    holds(
        TASKS
        + """
        failed = False

        class Waits:
            def __reduce__(self):
                charm.sleep(0.01)
                return square, (3,)

        class WaitsForFailure:
            def __reduce__(self):
                global failed
                failed = True
                charm.sleep(0.05)
                return square, (3,)

        for k in range(50):
            exec(f"def f{k}(x): return x + {k}")

        class MakesTasks:
            def __reduce__(self):
                futures = [charm.pool.Task(square, (k,), ret=True) for k in range(3)]
                futures += [charm.pool.Task(globals()[f"f{k}"], (0,), ret=True) for k in range(50)]
                return list, ([f.get() for f in futures],)

        def failing(x):
            if x == 0:
                raise ValueError("it is 0")
            return x

        def main(args):
            pool = charm.pool
            eq("map", pool.map(add, [Waits(), 1, Waits()]), [11, 3, 11])
            eq("Task", pool.Task(square, (Waits(),), ret=True).get(), 81)
            raises("failed meanwhile", ValueError, lambda: pool.map(failing, [0, 1, WaitsForFailure(), 2] * 20), "it is 0")
            check("it was pickled", failed)
            fs = pool.map_async(failing, [0, 1, WaitsForFailure(), 2] * 3, multi_future=True)
            raises("failed meanwhile", ValueError, fs[0].get, "it is 0")
            charm.wait(fs, timeout=20)
            raises("all that there are, the one in the making too", ValueError, fs[-1].get, "it is 0")
            raises("a pair", ValueError, lambda: pool.submit([(failing, 0), (square, WaitsForFailure()), (add, 1)]), "it is 0")
            eq("oldest", pool.Task(len, (MakesTasks(),), ret=True).get(), 53)
            eq("and again", pool.Task(list, (MakesTasks(),), ret=True).get()[:3], [0, 1, 4])
            done()

        charm.start(main)
        """,
        n,
    )


def test_before_start() -> None:
    fails("charm.pool.map(abs, [1])\n", None, "Charm4PyError", "charm.start()")


@pytest.mark.parametrize("n", (1, 2, 4))
def test_on_demand(n: int) -> None:
    """A slow task holds nobody up; all PEs work, also while the PE that schedules computes."""
    holds(
        TASKS
        + """
        def until(name, count):
            while len(files(name)) < count:
                time.sleep(0.001)
        def files(name):
            return [f for f in os.listdir() if f.startswith(name + "-")]
        def all_come(n):
            open(f"pe-{charm.myPe()}", "w").close()
            until("pe", n)
            return charm.myPe()
        def slow_first(x):
            if x == 0 and charm.numPes() > 1:
                until("rest", 29)
            open(f"rest-{x}", "w").close()
            return charm.myPe()
        def at_a_time(x):
            open(f"now-{x}", "w").close()
            time.sleep(0.005)
            count = len(files("now"))
            os.remove(f"now-{x}")
            return count
        def marked(x):
            open(f"did-{x}", "w").close()
            return charm.myPe()
        def slow_at(x):
            if x == 40:
                time.sleep(0.6)
            return charm.myPe()

        def main(args):
            pool, n = charm.pool, charm.numPes()
            pes = pool.map(all_come, [n] * 4 * n)
            eq("all PEs work", sorted(set(pes)), list(range(n)))
            pool.map(slow_first, range(41))  # ends only if the others do what is left
            eq("not more at a time than asked", max(pool.map(at_a_time, range(20), ncores=1)), 1)
            check("not more at a time than asked", max(pool.map(at_a_time, range(40), ncores=2)) <= 2)
            for k in range(3):
                pool.map(where, range(3000))
                pes = pool.map(slow_at, range(300))
                check("a slow one among tiny ones", n == 1 or pes.count(pes[40]) < 300)
            if n > 1:
                f = pool.map_async(marked, range(10))
                while len(files("did")) < 10:
                    pass  # this PE is busy, and schedules all the same
                check("the others did it all", 0 not in f.get())
            done()

        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (1, 2))
def test_memory(n: int) -> None:
    """Many tasks later the PE is as large as before; functions go with their jobs."""
    holds(
        TASKS
        + """
        import gc, resource
        def size(x=0):
            gc.collect()
            return int(open("/proc/self/statm").read().split()[1]) * 4096
        class Size(Chare):
            def get(self):
                return size()

        def rounds(count):
            for k in range(count):
                charm.pool.map(square, range(2000))
                charm.pool.map(lambda x: x + k, range(100), 7)
                for f in charm.pool.map_async(square, range(100), multi_future=True):
                    f.get()
                for i in range(50):
                    charm.pool.Task(square, (i,), ret=True).get()
                charm.pool.Task(lambda x: x, (k,), awaitable=True).get()
                try:
                    charm.pool.map(bad, range(50))
                except ValueError:
                    pass
                charm.pool.map(pause if k % 20 == 0 else square, range(20), 5)

        def main(args):
            g = Group(Size)
            rounds(40)
            before = g.get(ret=True).get()
            rounds(120)
            after = g.get(ret=True).get()
            for b, a in zip(before, after):
                check(f"as large: {b} {a}", a < b * 1.02 + 300000)
            done()

        charm.start(main)
        """,
        n,
    )


def test_progress() -> None:
    """progress=True says on stderr how far it is; without a terminal, little."""
    result = holds(
        TASKS
        + """
        def main(args):
            eq("values", charm.pool.map(square, range(10), progress=True), [k * k for k in range(10)])
            eq("values", charm.pool.map(square, (k for k in range(10)), progress=True), [k * k for k in range(10)])
            done()

        charm.start(main)
        """,
        2,
    )
    lines = [line for line in result.stderr.splitlines() if "10" in line and "/s" in line]
    assert len(lines) == 2 and "10/10" in lines[0] and "10 done" in lines[1], result.stderr


@pytest.mark.parametrize("n", (1, 2, 4))
def test_quiescence(n: int) -> None:
    """waitQD() counts tasks under way, those that nobody has yet, and those that will create more."""
    holds(
        TASKS
        + """
        class Total(Chare):
            def __init__(self):
                self.ends = 0
                Total.here = self
            def get(self):
                return self.ends
        def queens(size, row, taken):
            if row == size:
                Total.here.ends += 1
            for column in range(size):
                if all(column != c and abs(column - c) != row - r for r, c in enumerate(taken)):
                    if row < 4:
                        charm.pool.Task(queens, (size, row + 1, taken + (column,)))
                    else:
                        queens(size, row + 1, taken + (column,))
        @coro
        def late(depth):
            charm.sleep(0.02)
            if depth:
                charm.pool.Task(late, (depth - 1,))
            else:
                Total.here.ends += 100

        def main(args):
            g = Group(Total)
            charm.awaitCreation(g)
            charm.pool.Task(queens, (7, 0, ()))
            charm.waitQD()
            eq("queens", sum(g.get(ret=True).get()), 40)
            for _ in range(3):
                charm.pool.Task(late, (3,))
            charm.pool.Task(slow, (0.1,))
            charm.waitQD()
            eq("with timers", sum(g.get(ret=True).get()), 340)
            for _ in range(20):
                charm.pool.map(square, range(100))
                charm.waitQD()
            done()

        charm.start(main)
        """,
        n,
    )


def test_hang_report() -> None:
    """A task that waits for ever is named by its function."""
    fails(
        TASKS
        + """
        @coro
        def for_ever(x):
            Future().get()
        def main(args):
            charm.pool.map(for_ever, [1])
        charm.start(main)
        """,
        2,
        "for_ever",
        status=75,
    )
