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
