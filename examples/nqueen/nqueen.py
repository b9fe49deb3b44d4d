"""How many ways are there to put N queens on a board so that none attacks another? A tree of tasks, and quiescence.

    chariot run -n 4 examples/nqueen/nqueen.py [N [GRAINSIZE]]

A task puts one queen and makes a task for each place of the next. The last GRAINSIZE rows are searched on the spot. No
task waits for another: when nothing is under way any more, every PE is asked how many solutions it has found.
"""
from __future__ import annotations

from time import perf_counter

from chariot import Chare, Group, charm

KNOWN = {4: 2, 5: 10, 6: 4, 7: 40, 8: 92, 9: 352, 10: 724, 11: 2680, 12: 14200}

found = 0  # on this PE
board_size = grainsize = 0  # the same on every PE


class Counter(Chare):
    def count(self) -> int:
        return found


def places(row: int, columns: int, left: int, right: int) -> list[tuple[int, int, int]]:
    """The attacked columns and diagonals, as bits, after each queen that may stand in this row."""
    free = ~(columns | left | right) & ((1 << board_size) - 1)
    after = []
    while free:
        queen = free & -free
        free ^= queen
        after.append((columns | queen, (left | queen) << 1, (right | queen) >> 1))
    return after


def search(row: int, columns: int, left: int, right: int) -> int:
    if row == board_size:
        return 1
    return sum(search(row + 1, *after) for after in places(row, columns, left, right))


def queens(row: int, columns: int, left: int, right: int) -> None:
    global found
    if board_size - row <= grainsize:
        found += search(row, columns, left, right)
        return
    for after in places(row, columns, left, right):
        charm.pool.Task(queens, (row + 1, *after))


def main(args: list[str]) -> None:
    n = int(args[1]) if len(args) > 1 else 9
    grain = int(args[2]) if len(args) > 2 else max(1, n - 3)
    charm.thisProxy.updateGlobals({"board_size": n, "grainsize": grain}, awaitable=True).get()
    counters = Group(Counter)
    begin = perf_counter()
    charm.pool.Task(queens, (0, 0, 0, 0))
    charm.waitQD()
    solutions = sum(counters.count(ret=True).get())
    print(f"{n} queens: {solutions} solutions, in {perf_counter() - begin:.2f} s on {charm.numPes()} PEs")
    assert KNOWN.get(n, solutions) == solutions
    charm.exit()


charm.start(main)
