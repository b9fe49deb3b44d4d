"""Fibonacci numbers by tasks that make tasks: fib(n) maps itself over n - 1 and n - 2, and waits without holding its PE.

    chariot run -n 4 examples/fibonacci/fib.py [N [GRAINSIZE]]
"""
from __future__ import annotations

from time import perf_counter

from chariot import charm, coro

grainsize = 15  # numbers up to this are computed on the spot


def fib_here(n: int) -> int:
    return n if n < 2 else fib_here(n - 1) + fib_here(n - 2)


@coro
def fib(n: int) -> int:
    if n <= grainsize:
        return fib_here(n)
    return sum(charm.pool.map(fib, [n - 1, n - 2]))


def main(args: list[str]) -> None:
    n = int(args[1]) if len(args) > 1 else 25
    grain = int(args[2]) if len(args) > 2 else grainsize
    charm.thisProxy.updateGlobals({"grainsize": grain}, awaitable=True).get()
    begin = perf_counter()
    result = charm.pool.map(fib, [n])[0]
    print(f"fib({n}) is {result}, in {perf_counter() - begin:.2f} s on {charm.numPes()} PEs")
    assert result == fib_here(n)
    charm.exit()


charm.start(main)
