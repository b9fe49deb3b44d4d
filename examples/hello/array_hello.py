"""Hello through an array of any number of dimensions, element by element in row-major order.

    chariot run -n 4 examples/hello/array_hello.py [SIZE...]
"""
from __future__ import annotations

import math

from chariot import Array, Chare, charm


def next_index(index: tuple[int, ...], dims: tuple[int, ...]) -> tuple[int, ...]:
    """The index after this one; all zeros after the last."""
    flat = (sum(i * math.prod(dims[d + 1 :]) for d, i in enumerate(index)) + 1) % math.prod(dims)
    return tuple(flat // math.prod(dims[d + 1 :]) % size for d, size in enumerate(dims))


class Hello(Chare):
    def __init__(self, dims: tuple[int, ...]) -> None:
        self.dims = dims

    def say_hi(self, number: int) -> None:
        print(f"Hi[{number}] from element {self.thisIndex} on PE {charm.myPe()}")
        after = next_index(self.thisIndex, self.dims)
        if any(after):
            self.thisProxy[after].say_hi(number + 1)
        else:
            print("all done")
            charm.exit()


def main(args: list[str]) -> None:
    dims = tuple(map(int, args[1:])) or (2, 3)
    elements = Array(Hello, dims, args=[dims])
    elements[(0,) * len(dims)].say_hi(17)


charm.start(main)
