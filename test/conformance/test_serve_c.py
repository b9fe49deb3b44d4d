"""Foreign programs call chares of a job in C alone: the shop of docs/manual/c/serving.md."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from grpc import StatusCode
from harness import CHARIOT, ROOT, Job
from test_serve import Live, pb, status

__all__ = ["pb"]  # a fixture

PAGE = ROOT / "docs/manual/c/serving.md"


class Shop(Live):
    def __init__(self, pb: SimpleNamespace, directory: Path) -> None:
        source = re.search(r"^```c shop.c\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
        assert source is not None
        (directory / "shop.c").write_text(source[1])
        built, program = ROOT / "build/release", directory / "shop"
        flags = [f"-I{built}/include", f"-L{built}", f"-Wl,-rpath,{built}", "-Wall", "-Werror"]
        subprocess.run(["cc", *flags, "-o", program, directory / "shop.c", "-lchariot"], check=True)
        self.pb = pb
        self.job = Job([CHARIOT, "run", "-n", "2", program], directory, 60)
        self.job.wait_for("open at ")
        self.address = next(line.split()[2] for line in self.job.out if line.startswith("open at "))
        if not Path(self.address.removeprefix("unix:")).is_absolute():
            self.address = f"unix:{directory}/{self.address.removeprefix('unix:')}"


@pytest.fixture(scope="module")
def shop(pb: SimpleNamespace) -> Iterator[Shop]:  # noqa: F811
    with tempfile.TemporaryDirectory(prefix="cf") as directory:
        shop = Shop(pb, Path(directory))
        shop.connect()
        yield shop
        shop.channel.close()
        shop.job.kill()


def test_a_method_of_c_is_called(shop: Shop) -> None:
    assert shop.call(("shop",), "price", 4).real == 10.0
    assert shop.call(("shop",), "price", count=2).real == 5.0


def test_its_arguments_are_checked_before_it_runs(shop: Shop) -> None:
    for args, named, says in (
        ((), {}, "argument 'count' is missing"),
        ((1, 2), {}, "it takes 1 arguments by position but 2 were given"),
        (("many",), {}, "argument 'count' must be an int"),
        ((1,), {"count": 1}, "argument 'count' was given twice"),
        ((1,), {"colour": 1}, "it takes no argument named 'colour'"),
    ):
        code, text = status(lambda: shop.call(("shop",), "price", *args, **named))
        assert code == StatusCode.INVALID_ARGUMENT and says in text and "shop.price" in text, (code, text)


def test_what_it_raises_arrives(shop: Shop) -> None:
    code, text = status(lambda: shop.call(("shop",), "price", 0))
    assert code == StatusCode.ABORTED and "0 of them cannot be bought" in text, (code, text)


def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    assert status(lambda: shop.call(("shops",), "price", 1))[0] == StatusCode.NOT_FOUND
    assert status(lambda: shop.call(("shop",), "steal", 1))[0] in (StatusCode.NOT_FOUND, StatusCode.PERMISSION_DENIED)


def test_it_is_described(shop: Shop) -> None:
    service = shop.pb.service
    told = str(shop.stub.GetObject(service.GetObjectRequest(target=service.Target(name="shop"))))
    for text in ("A shop.", "What so many cost.", "count", "float"):
        assert text in told


MIXED = """
from chariot import Array, Chare, charm, expose
grid = charm.load({library!r})

class Clerk(Chare):
    @expose
    def total(self, cells: int) -> float:
        return 0.5 * cells

def main(args):
    charm.publish("cells", Array(grid.Cell, 3, args=[1.5])).get()
    charm.publish("clerk", Chare(Clerk, onPE=1)).get()
    print("open at", charm.serve("127.0.0.1:0", anyone=True), flush=True)

charm.start(main)
"""


class Mixed(Live):
    """A job of Python's in which some chares are C's."""

    def __init__(self, pb: SimpleNamespace, directory: Path) -> None:
        include, library = ROOT / "build/release/include", directory / "libgrid.so"
        source = Path(__file__).with_name("c") / "grid.c"
        subprocess.run(["cc", "-shared", "-fPIC", f"-I{include}", "-o", library, source], check=True)
        (directory / "prog.py").write_text(MIXED.format(library=str(library)))
        self.pb = pb
        self.job = Job([CHARIOT, "run", "-n", "2", "prog.py"], directory, 60)
        self.job.wait_for("open at ")
        self.address = next(line.split()[2] for line in self.job.out if line.startswith("open at "))


def test_c_and_python_side_by_side(pb: SimpleNamespace) -> None:  # noqa: F811
    with tempfile.TemporaryDirectory(prefix="cf") as directory:
        mixed = Mixed(pb, Path(directory))
        try:
            mixed.connect()
            assert mixed.call(("cells", 2), "add", 2).real == 3.5
            assert mixed.call(("cells", 2), "add", amount=1).real == 4.5
            assert mixed.call(("clerk",), "total", 3).real == 1.5
            code, text = status(lambda: mixed.call(("cells", 0), "add", "x"))
            assert code == StatusCode.INVALID_ARGUMENT and "argument 'amount' must be a float" in text
            code, text = status(lambda: mixed.call(("clerk",), "total", "x"))
            assert code == StatusCode.INVALID_ARGUMENT and "cells" in text
            assert status(lambda: mixed.call(("cells", 0), "echo", 1))[0] == StatusCode.PERMISSION_DENIED
            told = str(mixed.stub.GetObject(mixed.pb.service.GetObjectRequest(target=mixed.pb.service.Target(name="cells"))))
            assert "A cell, in C." in told and "Adds to the value." in told
            mixed.channel.close()
        finally:
            mixed.job.kill()
