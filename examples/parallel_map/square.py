"""A parallel map: the pool's workers on all PEs square numbers, a chunk at a time.

    chariot run -n 4 examples/parallel_map/square.py [NUMBERS]
"""
from __future__ import annotations

from time import perf_counter

from chariot import charm


def square(x: int) -> int:
    return x * x


def main(args: list[str]) -> None:
    count = int(args[1]) if len(args) > 1 else 100_000
    numbers = range(count)
    begin = perf_counter()
    squares = charm.pool.map(square, numbers, chunksize=64)
    seconds = perf_counter() - begin
    assert squares == [x * x for x in numbers]
    print(f"{count} squares on {charm.numPes()} PEs in {seconds:.3f} s; the last is {squares[-1]}")
    charm.exit()


charm.start(main)
