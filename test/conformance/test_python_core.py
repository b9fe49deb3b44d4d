"""The extension from the inside: what its parts promise beyond the contract's rows."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from harness import PYTHON, ROOT, fails, holds, run

ALL = (None, 1, 2, 4)


@pytest.mark.parametrize("n", (1, 4))
def test_the_program_is_the_real_main(n: int) -> None:
    """boot.py: argv, sys.path, __file__, and functions of __main__ that pickle by name, on every PE."""
    holds(
        """
        import beside
        def twice(x):
            return 2 * x
        class E(Chare):
            def call(self, f, x):
                return f(x), f is twice, sys.argv[1:], os.path.basename(__file__), __name__, beside.value
        def main(args):
            eq("args", args[1:], ["a", "-b"])
            want = (6, True, ["a", "-b"], "prog.py", "__main__", 7)
            eq("everywhere", Group(E).call(twice, 3, ret=True).get(), [want] * charm.numPes())
            check("main is main", sys.modules["__main__"].twice is twice)
            done()
        charm.start(main)
        """,
        n,
        args=("a", "-b"),
        files={"beside.py": "value = 7\n"},
    )


def test_boot_runs_modules_too() -> None:
    env_free = [str(PYTHON), "-m", "chariot.boot", "-m", "platform"]
    result = subprocess.run(env_free, capture_output=True, text=True, timeout=30)
    assert "Linux" in result.stdout, result.stdout + result.stderr


@pytest.mark.parametrize("n", (1, 2))
def test_starting_imports_nothing_heavy(n: int) -> None:
    program = """
        import sys
        from chariot import charm
        def main(args):
            heavy = {"numpy", "inspect", "traceback", "asyncio", "cloudpickle", "typing", "logging"} & set(sys.modules)
            print("heavy:", sorted(heavy))
            charm.exit()
        charm.start(main)
        """
    result = run(program, n, preamble=False)
    assert result.status == 0 and "heavy: []" in result.stdout, result.said


@pytest.mark.parametrize("n", ALL)
def test_every_kind_of_attribute_that_can_be_called(n: int | None) -> None:
    holds(
        """
        class Callable:
            def __call__(self, a, b=2):
                return a + b
        class Base:
            def inherited(self, x):
                return x, type(self).__name__
        class E(Base, Chare):
            held = Callable()
            number = 5
            class Nested:
                pass
            @staticmethod
            def static(a, b=1):
                return a * b
            @classmethod
            def of_class(cls, a):
                return cls.__name__, a
            @property
            def prop(self):
                return 1
            def _private(self):
                return "single underscore"
            def __mangled(self):
                return 0
        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            eq("static", e.static(3, b=4, ret=True).get(), 12)
            eq("class method", e.of_class(5, ret=True).get(), ("E", 5))
            eq("callable object", e.held(1, ret=True).get(), 3)
            eq("inherited", e.inherited(1, ret=True).get(), (1, "E"))
            eq("one underscore", e._private(ret=True).get(), "single underscore")
            for name in ("number", "prop", "Nested", "thisIndex", "nothing"):
                raises(name, AttributeError, lambda: getattr(e, name)())
            done()
        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", ALL)
def test_timers_call_everything_callable(n: int | None) -> None:
    holds(
        """
        seen = []
        class E(Chare):
            def told(self, f, x):
                f.send((charm.myPe(), x))
            async def nap(self, secs):
                begun = time.monotonic()
                await charm.sleep(secs)
                return time.monotonic() - begun >= secs
        @coro
        def suspends(f, end):
            end.send(f.get() + 1)
        async def awaits(f, end):
            end.send(await f + 2)
        def main(args):
            last = charm.numPes() - 1
            e = Chare(E, onPE=last)
            f = Future()
            charm.scheduleCallableAfter(f, 0.001, [5])
            eq("a future", f.get(), 5)
            f = Future()
            charm.scheduleCallableAfter(f, 0)
            eq("a future, no argument", f.get(), None)
            f = Future()
            charm.scheduleCallableAfter(e.told, 0.001, [f, "x"])
            eq("a remote method", f.get(), (last, "x"))
            f = Future()
            charm.scheduleCallableAfter(lambda *a: (seen.append(a), f.send()), 0.001, args=(1, 2))
            f.get()
            eq("a function", seen, [(1, 2)])
            for function, more in ((suspends, 1), (awaits, 2)):
                f, end = Future(), Future()
                charm.scheduleCallableAfter(function, 0, [f, end])
                charm.sleep(0.005)
                f.send(10)
                eq(function.__name__, end.get(), 10 + more)
            order = Future(3)
            for k in (3, 1, 2):
                charm.scheduleCallableAfter(order, k * 0.02, [k])
            eq("in order of time", order.get(), [1, 2, 3])
            check("async sleep", e.nap(0.01, ret=True).get())
            for wrong in (-1, "1", None, float("nan")):
                refused(f"after {wrong!r}", lambda: charm.scheduleCallableAfter(f, wrong))
            refused("not callable", lambda: charm.scheduleCallableAfter(3, 0))
            done()
        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("kind", ("plain", "coroutine", "async"))
def test_a_timer_that_fails_ends_the_job(kind: str) -> None:
    head = {"plain": "def late():", "coroutine": "@coro\ndef late():", "async": "async def late():"}[kind]
    program = f"{head}\n    raise KeyError('late')\ndef main(args):\n    charm.scheduleCallableAfter(late, 0)\ncharm.start(main)\n"
    fails(program, 2, "PE 0, callback(): Traceback", "KeyError: 'late'", status=1)


@pytest.mark.parametrize("n", ALL)
def test_timeouts(n: int | None) -> None:
    holds(
        """
        class E(Chare):
            @coro
            def hold(self, f, secs):
                try:
                    return f.get(timeout=secs)
                except TimeoutError:
                    return "late"
        def main(args):
            es = Group(E)
            f = Future()
            eq("late", es.hold(f, 0.01, ret=True).get(), ["late"] * charm.numPes())
            waiting = es.hold(f, 60, ret=True)
            charm.sleep(0.01)
            f.send(3)
            eq("in time, everywhere", waiting.get(), [3] * charm.numPes())
            eq("ready: no wait", f.get(timeout=0), 3)
            g = Future()
            raises("zero", TimeoutError, lambda: g.get(0))
            g.send(1)
            eq("again, after a timeout", g.get(5), 1)
            for wrong in (-1, "x"):
                refused(f"{wrong!r}", lambda: g.get(timeout=wrong))
            raises("two arguments", TypeError, lambda: g.get(1, 2))
            done()
        charm.start(main)
        """,
        n,
    )


@pytest.mark.parametrize("n", (None, 2))
def test_nothing_grows_with_calls(n: int | None) -> None:
    """Calls, futures, coroutines of both kinds, exceptions, conditions: after a warm-up, more of them need no more memory."""
    holds(
        """
        from chariot import when
        class E(Chare):
            def one(self, x):
                return x
            @coro
            def hold(self, f):
                return f.get()
            async def hold_async(self, f):
                return await f
            def bad(self):
                raise ValueError("bad")
            k = -1
            @when("self.k == k")
            def at(self, k):
                return k
            @coro
            def until(self, k):
                self.wait(f"self.k == {k}")
                return k
            def set(self, k):
                self.k = k
        def rss_kb():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4
        def work(e, count):
            for k in range(count):
                e.one(k, ret=True).get()
                f = Future()
                held = [e.hold(f, ret=True), e.hold_async(f, ret=True)]
                f.send(k)
                held += [e.at(k, ret=True), e.until(k, ret=True)]
                e.set(k)
                for h in charm.iwait(held): assert h.get() == k
                if k % 10 == 0:
                    try:
                        e.bad(ret=True).get()
                    except ValueError:
                        pass
        def main(args):
            e = Chare(E, onPE=charm.numPes() - 1)
            work(e, 1000)
            before = rss_kb()
            work(e, 3000)
            check(f"grew by {rss_kb() - before} kB", rss_kb() - before < 800)
            done()
        charm.start(main)
        """,
        n,
        timeout=90,
    )


def test_stubs_say_what_the_module_has(tmp_path: Path) -> None:
    allowed = tmp_path / "allowed"
    # Proxies find remote methods at run time; the mark for C layouts is newer than the oldest supported typing module.
    allowed.write_text("chariot\\._core\\.Proxy\\.__getattr__\nchariot\\._core\\.Chare\n")
    command = [sys.executable, "-m", "mypy.stubtest", "chariot._core", "--ignore-missing-stub", "--allowlist", str(allowed)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr


def test_a_typed_program_passes_mypy(tmp_path: Path) -> None:
    program = tmp_path / "typed.py"
    program.write_text(
        "from chariot import Array, Chare, Future, Group, Reducer, charm, coro\n"
        "class Cell(Chare):\n"
        "    def __init__(self, value: int) -> None:\n"
        "        self.value = value\n"
        "    @coro\n"
        "    def total(self) -> int:\n"
        "        result: int = self.allreduce(self.value, Reducer.sum).get()\n"
        "        return result\n"
        "    async def later(self) -> int:\n"
        "        return int(await self.thisProxy[0].total(ret=True))\n"
        "def main(args: list[str]) -> None:\n"
        "    cells, group, one = Array(Cell, (2, 3), args=[1]), Group(Cell, args=[2]), Chare(Cell, args=[3], onPE=0)\n"
        "    charm.awaitCreation(cells, group, one)\n"
        "    future = Future()\n"
        "    cells[1, 2].total(ret=True).get()\n"
        "    future.send(group[0].later(ret=True).get())\n"
        "    charm.exit()\n"
        "charm.start(main)\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(program)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=120)
    assert result.returncode == 0, result.stdout + result.stderr
