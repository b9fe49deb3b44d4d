"""§3.10 Profiling, and §3.5 printStats: the table, its rows and counts, on one PE and several."""

from __future__ import annotations

import re
from typing import NamedTuple

import pytest
from harness import PES, holds

ALL = (None, *PES)
ROW = re.compile(r"  (.+?) +(\d+)((?: +\d+\.\d{6}){4})$")
TRAFFIC = re.compile(r"  (.+?) +(\d+) +(\d+) +([\d.]+) +(\d+) +([\d.]+)$")


class Row(NamedTuple):
    calls: int
    em: float
    send: float
    recv: float
    total: float


class Table(NamedTuple):
    """One PE's: rows by (section, label)."""

    seconds: float
    rows: dict[tuple[str, str], Row]
    messages: dict[str, tuple[int, int, float, int]]

    def method(self, section: str, label: str) -> Row:
        return self.rows.get((section, label), Row(0, 0, 0, 0, 0))


def tables(text: str) -> dict[int, Table]:
    """Checks that each is in one piece."""
    found: dict[int, Table] = {}
    section = ""
    table = None
    for line in text.splitlines():
        assert len(line) <= 100, line
        if head := re.match(r"Profile of PE (\d+) of \d+ after ([\d.]+) s", line):
            table = found[int(head[1])] = Table(float(head[2]), {}, {})
        elif table is None:
            continue
        elif section == "messages" and (row := TRAFFIC.match(line)):
            table.messages[row[1]] = int(row[2]), int(row[3]), float(row[4]), int(row[5])
        elif row := ROW.match(line):
            assert (section, row[1]) not in table.rows, line
            table.rows[section, row[1]] = Row(int(row[2]), *map(float, row[3].split()))
        elif line.startswith("calls between") or not line.startswith(" "):
            section = line.split()[0] if line.startswith("messages") else line
        if line.startswith("  calls between chares"):
            table = None
    return found


def check_sums(table: Table) -> None:
    """Each row's total is that of its phases, each section's that of its rows, and all are the time that has passed."""
    sections: dict[str, float] = {}
    for (section, label), row in table.rows.items():
        assert abs(row.em + row.send + row.recv - row.total) < 3e-6, (section, label, row)
        if label != "total" and section != "all":
            sections[section] = sections.get(section, 0) + row.total
    for section, total in sections.items():
        if section != "main function":
            assert abs(table.rows[section, "total"].total - total) < 1e-4, section
    passed = table.rows["all", "busy"].total + table.rows["all", "idle"].total
    assert abs(passed - table.seconds) < 1e-4, (passed, table.seconds)


def check_pickling(found: dict[int, Table], pes: int) -> None:
    """__getstate__ is sending, __setstate__ receiving."""
    for pe in (0, pes - 1):
        give, take = found[pe].method("Taker (group)", "give"), found[pe].method("Taker (group)", "take")
        assert give.calls == take.calls == 1
        assert give.send >= 0.03 and take.recv >= 0.02


PROGRAM = """
charm.options.profiling = True

def spend(seconds):
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        pass

class Worker(Chare):
    def __init__(self, size=0):
        self.size = size
    def work(self, data):
        spend(0.004)
        self.helper()
        return len(data)
    def helper(self):
        spend(0.006)
    @coro
    def sleeps(self):
        for _ in range(4):
            charm.sleep(0.05)
            spend(0.005)
    async def sleeps_async(self):
        for _ in range(4):
            await charm.sleep(0.05)
            spend(0.005)
    def never(self):
        pass

class Pickled:
    def __init__(self):
        self.used = 1
    def __getstate__(self):
        spend(0.03)
        return {"used": 2}
    def __setstate__(self, state):
        spend(0.02)
        self.__dict__.update(state)

class Taker(Chare):
    def take(self, value):
        pass
    def give(self, to):
        to.take(Pickled())

def add(values):
    spend(0.003)
    return sum(values)

Reducer.addReducer(add)

class Member(Chare):
    def reduce_both(self, future):
        self.reduce(future, 1, Reducer.sum)
        self.reduce(future, 2, Reducer.add)
    def timers(self, future):
        charm.scheduleCallableAfter(self.fired, 0.001, [future])
    def fired(self, future):
        future.send()

def main(args):
    n = charm.numPes()
    array = Array(Worker, 2 * n, args=[1])
    group = Group(Worker)
    one = Chare(Worker, onPE=n - 1)
    charm.awaitCreation(array, group, one)
    for i in range(2 * n):
        eq("result", array[i].work(b"x" * 100, ret=True).get(), 100)
    one.work(b"", awaitable=True).get()
    group.sleeps(awaitable=True).get()
    group.sleeps_async(awaitable=True).get()
    takers = Group(Taker)
    charm.awaitCreation(takers)
    takers[0].give(takers[n - 1], awaitable=True).get()
    takers[n - 1].give(takers[0], awaitable=True).get()
    members = Group(Member)
    both = Future(2)
    members.reduce_both(both)
    eq("sums", sorted(both.get()), [n, 2 * n])
    fired = Future(n)
    members.timers(fired)
    fired.get()
    charm.thisProxy.printStats(awaitable=True).get()
    done()

charm.start(main)
"""


@pytest.mark.parametrize("n", ALL)
def test_rows_counts_and_seconds(n: int | None) -> None:
    found = tables(holds(PROGRAM, n).stdout)
    pes = n or 1
    assert sorted(found) == list(range(pes))
    for pe, table in found.items():
        check_sums(table)
        assert table.method("Worker (array)", "__init__").calls == 2
        assert table.method("Worker (group)", "__init__").calls == 1
        # A direct call of self.helper() is the caller's own time, and no call.
        work = table.method("Worker (array)", "work")
        assert work.calls == 2 and work.em >= 2 * 0.01
        assert ("Worker (array)", "helper") not in table.rows and ("Worker (array)", "never") not in table.rows
        assert ("Worker (array)", "migrated") in table.rows
        assert table.method("Worker (array)", "total").calls == 4
        # What a coroutine runs is charged to it; what it waits is not, or the sums would not be the time that passed.
        for name in ("sleeps", "sleeps_async"):
            row = table.method("Worker (group)", name)
            assert row.calls == 1 and row.em >= 4 * 0.005 and table.seconds > 0.4
        assert table.method("Member (group)", "reduce_both").calls == 1
        assert table.method("runtime", "timer callbacks").calls >= 1
        assert ("main function", "main") in table.rows if pe == 0 else ("main function", "main") not in table.rows
    assert found[pes - 1].method("Worker (chare)", "work").calls == 1
    assert found[0].method("runtime", "custom reductions").em >= 0.003
    assert ("runtime", "migrating out") in found[0].rows and ("runtime", "reductions") in found[0].rows
    if pes > 1:
        check_pickling(found, pes)


@pytest.mark.parametrize("n", PES)
def test_messages_are_counted_at_both_ends(n: int) -> None:
    text = """
    charm.options.profiling = True
    class C(Chare):
        def take(self, data):
            return len(data)
    def main(args):
        group = Group(C)
        charm.awaitCreation(group)
        last = charm.numPes() - 1
        for size in (10, 1000, 100000):
            eq("size", group[last].take(bytes(size), ret=True).get(), size)
        charm.thisProxy.printStats(awaitable=True).get()
        done()
    charm.start(main)
    """
    found = tables(holds(text, n).stdout)
    sent, received = found[0].messages["sent"], found[n - 1].messages["received"]
    local = found[n - 1].messages["calls between chares of this PE"]
    if n == 1:
        assert sent[0] == received[0] == 0 and local[0] >= 3
    else:
        assert sent[0] >= 3 and 100000 <= sent[3] < 100200 and received[0] >= 3 and 100000 <= received[3] < 100200
        assert sent[1] <= sent[2] <= sent[3]


def test_main_chare_and_same_class_in_several_kinds() -> None:
    text = """
    charm.options.profiling = True
    class Main(Chare):
        def __init__(self, args):
            proxies = [Chare(Part), Group(Part), Array(Part, 3)]
            charm.awaitCreation(*proxies)
            for proxy in proxies[1:]:
                proxy.run(awaitable=True).get()
            proxies[0].run(awaitable=True).get()
            charm.printStats()
            done()
    class Part(Chare):
        def run(self):
            pass
    charm.start(Main)
    """
    table = tables(holds(text, None).stdout)[0]
    assert table.method("Main (main chare)", "__init__").calls == 1
    assert [table.method(f"Part ({kind})", "run").calls for kind in ("chare", "group", "array")] == [1, 1, 3]


@pytest.mark.parametrize("n", ALL)
def test_off_prints_a_note_and_before_the_start_it_is_an_error(n: int | None) -> None:
    text = """
    try:
        charm.printStats()
    except Exception as error:
        early = error
    def main(args):
        check("needs a start", is_charm_error(early))
        check("says so", "start" in str(early))
        charm.printStats()
        charm.thisProxy[charm.numPes() - 1].printStats(awaitable=True).get()
        done()
    charm.start(main)
    """
    result = holds(text, n)
    assert result.stdout.count("NOTE") == 2 and "charm.options.profiling = True" in result.stdout


def test_a_program_may_redirect_its_output() -> None:
    text = """
    import contextlib, io
    charm.options.profiling = True
    def main(args):
        out = io.StringIO()
        with contextlib.redirect_stdout(out):
            charm.printStats()
        check("the table", out.getvalue().startswith("Profile of PE 0"))
        done()
    charm.start(main)
    """
    assert "Profile" not in holds(text, 2).stdout
