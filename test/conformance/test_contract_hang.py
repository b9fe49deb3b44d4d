"""Contract §0, rows "hang" and "message to an index that never exists": a job in which nothing can happen any more says
what each coroutine waits for, and where, and ends with status 75; no job that lives is ever reported.

In the programs, a line with `#! words` is one at which a coroutine waits for ever: the report must name that line, once,
with these words.
"""

from __future__ import annotations

import os
import re
import signal
import textwrap
import time

import pytest
from harness import PES, PREAMBLE, Result, holds, job, run

HANG = 75
LINE = re.compile(r"^  PE (\d+): (?:prog\.py:(\d+), in )?(.*)$", re.M)


def report(result: Result) -> list[str]:
    """What it said beside the banner."""
    return [line for line in result.stderr.splitlines() if not line.startswith("chariot 0.")]


def marks(text: str) -> dict[int, list[str]]:
    """{line of prog.py: words that its report must have}"""
    lines = (PREAMBLE + textwrap.dedent(text)).splitlines()
    return {number: line.split("#!")[1].split("|") for number, line in enumerate(lines, 1) if "#!" in line}


def hangs(text: str, n: int | None, *words: str) -> Result:
    """Every marked line is reported, no other line is, and all the words are said."""
    result = run(text, n)
    assert result.status == HANG, f"status {result.status}\n{result.said}"
    found: dict[int, str] = {}
    for pe, number, rest in LINE.findall(result.stderr):
        assert int(pe) < (n or 1), result.said
        if number:
            found[int(number)] = found.get(int(number), "") + rest + "\n"
    wanted = marks(text)
    assert sorted(found) == sorted(wanted), f"lines {sorted(found)}, expected {sorted(wanted)}\n{result.said}"
    for number, expected in wanted.items():
        for word in expected:
            assert word.strip() in found[number], f"{word!r} is not told of line {number}\n{result.said}"
    for word in words:
        assert word in result.stderr, f"{word!r} is not in\n{result.said}"
    return result


FUTURES = """
    class Block(Chare):
        def __init__(self, slow=None):
            if slow is not None:
                Future()

        @coro
        def one(self):
            Future().get()                                  #! Block.one of [1]| waits for a future

        @coro
        def several(self):
            f = Future(3)
            f.send(1)
            f.get()                                         #! Block.several of [2]| a future that has 1 of its 3 values

        @coro
        def never_ends(self):
            f = Future()
            helper(f)

        @coro
        def asks(self):
            self.thisProxy[5].never_ends(ret=True).get()    #! Block.asks of [0]| the result of Block[5].never_ends

        async def awaits(self):
            await self.inner()

        async def inner(self):
            await Future()                                  #! Block.awaits of [3]| waits for a future

        @coro
        def borrows(self, f):
            f.get()                                         #! Block.borrows of [4]| future

        def nothing(self):
            pass

        @coro
        def all_of(self, fs):
            charm.wait(fs)                                  #! Block.all_of of [0]| 2 things: a future; a future

    class Slow(Chare):
        @coro
        def __init__(self):
            Future().get()                                  #! Slow.__init__| waits for a future

    def helper(f):
        f.get()                                             #! Block.never_ends of [5]| waits for a future

    @coro
    def callback():
        Future().get()                                      #! waits for a future

    def main(args):
        blocks = Array(Block, 6)
        charm.awaitCreation(blocks)
        blocks[1].one()
        blocks[2].several()
        blocks[0].asks()
        blocks[3].awaits()
        mine = Future()
        blocks[4].borrows(mine)
        blocks[0].all_of([Future(), Future()])
        charm.scheduleCallableAfter(callback, 0.01)
        slow = Chare(Slow, onPE=charm.numPes() - 1)
        charm.awaitCreation(slow)                           #! main| waits for the creation of

    charm.start(main)
"""


@pytest.mark.parametrize("n", [None, *PES])
def test_coroutines_that_wait_for_futures(n: int | None) -> None:
    hangs(FUTURES, n, "the job hangs", "10 coroutines wait")


AWAITABLES = """
    from chariot import Channel, when

    class Block(Chare):
        def __init__(self):
            self.x = 0
            if self.thisIndex == (0,):
                self.channel = Channel(self, self.thisProxy[1])

        @coro
        def all_of(self):
            done = Future()
            done.send(1)
            charm.wait([Future(), done, Future(2)])         #! Block.all_of of [0]| 2 things: a future; a future that has 0 of

        @coro
        def each(self):
            done = Future()
            done.send(1)
            for f in charm.iwait([done, Future()]):         #! Block.each of [1]: waits for a future
                pass

        @coro
        def condition(self):
            self.wait("self.x == 3")                        #! Block.condition of [2]| the condition 'self.x == 3'

        async def condition_async(self):
            await self.wait("self.x == 4")                  #! Block.condition_async of [3]| the condition 'self.x == 4'

        @coro
        def receives(self):
            self.channel.recv()                             #! Block.receives of [0]| recv() on <Channel 0 to | Block

        @when("self.x == n")
        def set(self, n):
            pass

        @coro
        def asks_when(self):
            self.thisProxy[2].set(9, ret=True).get()        #! Block.asks_when of [1]| the result of Block[2].set

    class Slow(Chare):
        @coro
        def __init__(self):
            Future().get()                                  #! Slow.__init__ of [0]| waits for a future

    def main(args):
        blocks, slow = Array(Block, 4), Array(Slow, 1)
        blocks[0].all_of()
        blocks[1].each()
        blocks[2].condition()
        blocks[3].condition_async()
        blocks[0].receives()
        blocks[1].asks_when()
        blocks[2].set(7)
        blocks[2].set(8)
        charm.awaitCreation(blocks, slow)                   #! main| waits for the creation of <proxy of array Slow

    charm.start(main)
"""


@pytest.mark.parametrize("n", [1, 4])
def test_channels_conditions_and_several_at_once(n: int) -> None:
    hangs(AWAITABLES, n, "8 coroutines wait", "a call of Block.set of [2]: waits for its condition 'self.x == n' (3 times)")


COLLECTIONS = """
    class Block(Chare):
        @coro
        def reduces(self):
            if self.thisIndex != (3,):
                self.allreduce(1, Reducer.sum).get()        #! Block.reduces of| an allreduce over Block

        @coro
        def stays(self):
            if self.thisIndex == (2,):
                Future().get()                              #! Block.stays of [2]

        @coro
        def calls_a_ghost(self):
            self.thisProxy[77].stays(awaitable=True).get()  #! Block.calls_a_ghost of [1]| the result of Block[77].stays

        def contributes(self, f):
            if self.thisIndex != (0,):
                self.reduce(f)

    class Late(Chare):
        def nothing(self):
            pass

        def total(self, f):
            self.reduce(f, 1, Reducer.sum)

    @coro
    def waits(f):
        f.get()                                             #! waits for a future

    @coro
    def waits_for_all(proxy):
        proxy.stays(awaitable=True).get()                   #! the result of Block.stays on all elements

    def main(args):
        blocks = Array(Block, 4)
        other = Array(Block, 4)
        late = Array(Late, ndims=1)
        late.ckInsert(0)
        late.ckInsert(1)
        done = Future()
        late.total(done)                                    # no ckDoneInserting()
        blocks.reduces()
        for i in range(3):
            blocks[100].stays()
        blocks[1].calls_a_ghost()
        unfinished = Future()
        other.contributes(unfinished)
        charm.scheduleCallableAfter(waits, 0.01, [unfinished])
        charm.scheduleCallableAfter(waits_for_all, 0.01, [other])
        done.get()                                          #! main| waits for a future

    charm.start(main)
"""


@pytest.mark.parametrize("n", [1, 2, 4])
def test_collections_that_lack_something(n: int) -> None:
    hangs(
        COLLECTIONS,
        n,
        "a message waits for element [77] of Block, method stays: that element was never created\n",
        "a message waits for element [100] of Block, method stays: that element was never created (3 times)",
        "reduction 0 over Block",
        "lacks [3]" if n < 4 else "nothing has come from PE 3 and below",
        "lacks [0]",
        "reduction 0 over Late has 2 contributions, whose insertions have not been declared done",
    )


def test_a_main_chare_and_members_of_a_group() -> None:
    text = """
        class Main(Chare):
            def __init__(self, args):
                self.members = Group(Member)
                self.members.waits(Future(), awaitable=True).get()  #! Main.__init__| on all elements

        class Member(Chare):
            @coro
            def waits(self, f):
                f.get()                                             #! Member.waits of [2]| of [0]| a future of PE 0

        charm.start(Main)
        """
    hangs(text, 3, "the job hangs", "4 coroutines wait", "PE 2: prog.py")


def test_many_of_the_same_are_one_line() -> None:
    text = """
        class Block(Chare):
            @coro
            def waits(self):
                Future().get()  #! Block.waits of [0], [1]| and 992 more: waits for a future

        def main(args):
            Array(Block, 1000).waits()

        charm.start(main)
        """
    result = hangs(text, 1, "1000 coroutines wait")
    assert len(report(result)) == 2, result.said


def test_fifty_lines_for_each_pe() -> None:
    text = """
        names = {}
        exec("\\n".join(f"@coro\\ndef f{i}(): Future().get()" for i in range(120)), globals(), names)

        def main(args):
            for f in names.values():
                charm.scheduleCallableAfter(f, 0)

        charm.start(main)
        """
    result = run(text, 1)
    assert result.status == HANG and "120 coroutines wait" in result.stderr and "... and 70 more" in result.stderr
    assert len(report(result)) == 52, result.said


@pytest.mark.parametrize("n", [None, 1, 2])
def test_a_forgotten_exit(n: int | None) -> None:
    """Nothing waits, nothing is left to do: the program forgot to end."""
    text = """
        class Block(Chare):
            def hello(self):
                print("hello", flush=True)

        def main(args):
            Array(Block, 2).hello()

        charm.start(main)
        """
    result = hangs(text, n, "nothing is left to do, and nobody has called charm.exit()")
    assert result.lines() == ["hello", "hello"]


@pytest.mark.parametrize("n", [1, 2])
def test_warn_prints_each_hang_once_and_goes_on(n: int) -> None:
    """charm.options.hang_report = 'warn': printed once per hang; the job stays."""
    text = """
        charm.options.hang_report = "warn"

        class Block(Chare):
            @coro
            def waits(self):
                Future().get()

        def main(args):
            print("up", flush=True)
            Chare(Block, onPE=charm.numPes() - 1).waits()

        charm.start(main)
        """
    with job(text, n) as running:
        running.wait_for("up")
        with running.news:
            while not any("waits for a future" in line for line in running.err):
                assert running.news.wait(20), "".join(running.out + running.err)
        time.sleep(1.5)
        assert running.child.poll() is None
        assert sum("the job hangs" in line for line in running.err) == 1, "".join(running.err)
        running.kill()


def test_off_says_nothing() -> None:
    text = """
        charm.options.hang_report = "off"
        charm.start(lambda args: print("up", flush=True))
        """
    with job(text, 1) as running:
        running.wait_for("up")
        time.sleep(1.2)
        assert running.child.poll() is None and not any("chariot:" in line for line in running.err)
        running.kill()


def test_other_modes_are_refused() -> None:
    text = """
        eq("default", charm.options.hang_report, "exit")
        refused("no mode", lambda: setattr(charm.options, "hang_report", "maybe"), "'warn'", "'off'", "'maybe'")
        refused("no text", lambda: setattr(charm.options, "hang_report", True), "True")
        eq("unchanged", charm.options.hang_report, "exit")
        charm.start(lambda args: done())
        """
    holds(text, 1)


LIVING = """
    import subprocess, threading

    IDLE = 0.6  # seconds; what hangs is reported after less

    def spin(seconds):
        until = time.perf_counter() + seconds
        count = 0
        while time.perf_counter() < until:
            count += 1
        return count

    class Worker(Chare):
        def __init__(self):
            self.woken = None

        def computes(self):
            spin(IDLE)
            return 1

        def multiplies(self):
            until = time.perf_counter() + IDLE
            a = np.ones((300, 300))
            while time.perf_counter() < until:
                a = a @ a / 300
            return 2

        def blocks(self):
            time.sleep(IDLE)
            return 3

        def runs_a_program(self):
            subprocess.run([sys.executable, "-c", f"import time; time.sleep({IDLE})"], check=True)
            return 4

        @coro
        def sleeps(self):
            charm.sleep(IDLE)
            return 5

        def later(self, f):
            charm.scheduleCallableAfter(f, IDLE, [6])

        @coro
        def waits(self, f):
            return f.get()

        async def waits_async(self, f):
            return await f

        @coro
        def with_timeout(self):
            try:
                Future().get(timeout=IDLE)
            except TimeoutError:
                return 7

        @coro
        def quiet(self):
            charm.waitQD()
            return 8

        def pings(self, count, f):
            spin(0.001)
            if count == 0:
                f(9)
            else:
                self.thisProxy[(self.thisIndex + 1) % charm.numPes()].pings(count - 1, f)

        def starts_a_thread(self):
            threading.Thread(target=time.sleep, args=(IDLE,)).start()
            return 10

    def main(args):
        last = charm.numPes() - 1
        workers = Group(Worker)
        worker = workers[last]
        never = Future()
        blocked = workers.waits(never, ret=True)  # and all the while others wait
        asynchronous = worker.waits_async(never, ret=True)
        eq("computes", worker.computes(ret=True).get(), 1)
        eq("multiplies", worker.multiplies(ret=True).get(), 2)
        eq("blocks", worker.blocks(ret=True).get(), 3)
        eq("runs a program", worker.runs_a_program(ret=True).get(), 4)
        eq("sleeps", worker.sleeps(ret=True).get(), 5)
        f = Future()
        worker.later(f)
        eq("a timer", f.get(), 6)
        eq("a timeout", worker.with_timeout(ret=True).get(), 7)
        quiet = workers[0].quiet(ret=True)
        worker.computes()
        eq("quiescence", quiet.get(), 8)
        f = Future()
        worker.pings(500, f)
        eq("messages", f.get(), 9)
        time.sleep(IDLE)
        charm.sleep(IDLE)
        never.send(11)
        eq("in the end", blocked.get(), [11] * charm.numPes())
        eq("in the end", asynchronous.get(), 11)
        done()

    charm.start(main)
"""


@pytest.mark.parametrize("n", [1, 3])
def test_what_lives_is_never_reported(n: int) -> None:
    result = holds(LIVING, n, timeout=100)
    assert report(result) == [], result.said


def test_threads_and_signal_handlers_may_still_do_something() -> None:
    """A thread of the program's own, a handler for a signal: such a job is alive; when the thread has gone, it hangs."""
    text = """
        import threading

        def main(args):
            threading.Thread(target=work).start()
            Future().get()  #! main

        def work():
            time.sleep(1)
            print("worked", flush=True)

        charm.start(main)
        """
    assert hangs(text, 1).stdout == "worked\n"
    text = """
        def main(args):
            signal.signal(signal.SIGUSR1, lambda *args: os._exit(4))
            print("up", os.getpid(), flush=True)
            Future().get()

        charm.start(main)
        """
    with job(text, 1) as running:
        running.wait_for("up")
        time.sleep(1)
        assert running.child.poll() is None and not any("chariot:" in line for line in running.err)
        os.kill(int(running.out[0].split()[1]), signal.SIGUSR1)
        assert running.finish().status == 4
