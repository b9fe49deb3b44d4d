"""python -m chariot.cflags: what a C compiler is told to make a library for charm.load().

    cc -O2 -shared -fPIC $(python -m chariot.cflags) -o libheat.so heat.c
"""

from __future__ import annotations

from pathlib import Path


def include() -> Path:
    """The directory of chariot.h."""
    return Path(__file__).resolve().parent / "include"


if __name__ == "__main__":
    print(f"-I{include()}")
