"""chariot_client (docs/manual/client.md) against a live grid: proxies, channels, futures, errors, the blocking face."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chariot_client
from chariot_client import CallError, DeadlineExceeded, RemoteError, blocking, connect
from chariot_client._values import to_value
from grid import Grid, live_grid
from harness import CHARIOT, Job


@pytest.fixture(scope="module")
def shared() -> Iterator[Grid]:
    with live_grid(pes=2) as one:
        yield one


def connected(grid: Grid) -> chariot_client.Job:
    return connect(grid.address, ca=grid.authority, token_file=grid.token)


def test_it_loads_no_runtime() -> None:
    program = "import sys, chariot_client.blocking; print([one for one in sys.modules if one.split('.')[0] == 'chariot'])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_many_calls_at_a_time(shared: Grid) -> None:
    async def main() -> list[Any]:
        async with connected(shared) as job:
            await job.ready()
            cells = [job["grid"][i % 4, i // 4 % 4] for i in range(200)]
            return await asyncio.gather(*(cell.echo(i) for i, cell in enumerate(cells)))

    assert asyncio.run(main()) == list(range(200))


def test_errors_say_where_and_why(shared: Grid) -> None:
    async def main() -> None:
        async with connected(shared) as job:
            grid = job["grid"]
            with pytest.raises(RemoteError) as raised:
                await grid[2, 2].fail("no such luck")
            error = raised.value
            assert (error.type, error.message, error.object, error.method) == ("ValueError", "no such luck", "grid", "fail")
            assert error.pe in (0, 1) and error.code == "ABORTED" and "raise ValueError(text)" in error.traceback
            failed = await grid.fail.all("no")
            assert [type(one) for one in failed] == [RemoteError] * 16 and failed[0].message == "no"
            with pytest.raises(TimeoutError) as late:
                await grid[0, 0].slow.within(0.1)(10.0)
            assert isinstance(late.value, DeadlineExceeded) and late.value.code == "DEADLINE_EXCEEDED"
            with pytest.raises(CallError, match="NOT_FOUND: .*'nobody'"):
                await job["nobody"].get()
            with pytest.raises(ValueError, match="no reducer 'mean'"):
                grid.get.reduce("mean")

    asyncio.run(main())


def test_a_channel_loses_nothing(shared: Grid) -> None:
    async def main() -> None:
        async with connected(shared) as job:
            async with job["grid"][1, 1].chat.channel() as channel:
                with pytest.raises(asyncio.TimeoutError):
                    await asyncio.wait_for(channel.receive(), 0.05)  # its read goes on
                for i in range(500):
                    await channel.send(i)
                assert [await channel.receive() for _ in range(250)] == [2 * i for i in range(250)]
                await channel.send(np.arange(3.0))
                await channel.finish()
                with pytest.raises(ValueError, match="was finished"):
                    await channel.send(1)
                rest = [value async for value in channel]
                assert rest[:-1] == [2 * i for i in range(250, 500)] and np.array_equal(rest[-1], np.arange(3.0))
                with pytest.raises(EOFError):
                    await channel.receive()
            async with job["grid"][1, 1].hidden.channel() as refused:
                with pytest.raises(CallError, match="PERMISSION_DENIED"):
                    await refused.receive()
                with pytest.raises(CallError, match="PERMISSION_DENIED"):
                    await refused.send(1)
            async with job["grid"][1, 1].chat.channel() as dropped:
                await dropped.send(1)

    asyncio.run(main())


def test_futures_and_arrays(shared: Grid) -> None:
    async def main() -> None:
        async with connected(shared) as job:
            future = await job["grid"][0, 0].later()
            assert await future == "later" and await future.values() == ["later"]
            again = await job["grid"][0, 1].echo(future)  # it may be sent back
            assert await again == "later"
            fortran = np.asfortranarray(np.arange(6, dtype="<i8").reshape(2, 3))
            back = await job["grid"][0, 0].echo({"a": [fortran, np.float32(0.5), np.int8(3)]})
            assert np.array_equal(back["a"][0], fortran) and back["a"][0].flags.f_contiguous and back["a"][0].flags.writeable
            assert back["a"][1:] == [0.5, 3]

    asyncio.run(main())


def test_the_blocking_face(shared: Grid) -> None:
    with blocking.connect(shared.address, ca=shared.authority, token_file=shared.token) as job:
        job.ready()
        grid = job["grid"]
        assert [one.name for one in job.objects()] == ["grid"]
        assert "add(amount: float) -> float" in map(str, job.describe("grid").methods)
        results: list[Any] = [None] * 8
        threads = [threading.Thread(target=lambda i=i: results.__setitem__(i, grid[i % 4, 0].echo(i))) for i in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert results == list(range(8))
        with grid[3, 0].chat.channel() as channel:
            channel.send(1)
            assert channel.receive() == 2
            channel.send("x")
            channel.finish()
            assert list(channel) == ["x"]
        assert grid[0, 0].later().get() == "later"
        assert grid[3, 3].add.send(1.0) is None
        with pytest.raises(TimeoutError):
            grid[0, 0].slow.within(0.1)(10.0)
    assert not [one for one in threading.enumerate() if one.name == "chariot_client"]


CALLER = """
import sys
from chariot import Chare, Group, charm
from chariot_client import blocking

class Caller(Chare):
    def ask(self, address, authority, token):
        with blocking.connect(address, ca=authority, token_file=token) as job:
            return job["grid"][2, charm.myPe()].add(1.5)

def main(args):
    print(Group(Caller).ask(*args[1:4], ret=True).get())
    charm.exit()

charm.start(main)
"""


def test_chares_call_another_job(shared: Grid, tmp_path: Path) -> None:
    """Whose runtime has a gRPC of its own in the same process."""
    (tmp_path / "caller.py").write_text(CALLER)
    command: list[str | Path] = [CHARIOT, "run", "-n", "2", "--transport", "unix", tmp_path / "caller.py", *shared.words()[:3]]
    done = Job(command, tmp_path, 60).finish()
    assert done.status == 0 and "[1.5, 1.5]" in done.stdout, done.said


def test_what_cannot_be_sent_is_refused_here() -> None:
    async def main() -> None:
        async with connect("127.0.0.1:1") as job:
            for wrong in (object(), job["grid"], np.array([object()]), np.zeros(1, [("a", "<f8")]), {1, 2}):
                with pytest.raises(TypeError, match="cannot be sent to a job"):
                    to_value([wrong])
            anything: Any = job["grid"]
            with pytest.raises(TypeError, match="cannot be iterated over"):
                list(anything)
            with pytest.raises(CallError, match="UNAVAILABLE"):
                await job["grid"].get()
            with pytest.raises(CallError, match="127.0.0.1:1 cannot be reached"):
                await job.ready(0.2)

    asyncio.run(main())


def test_a_token_does_not_leave_this_host_in_plain_text() -> None:
    async def main() -> None:
        for address in ("192.0.2.1:7000", "example.org:7000", "[2001:db8::1]:7000"):
            with pytest.raises(ValueError, match="plain text"):
                async with connect(address, token="x" * 32):
                    pass
        for address in ("127.0.0.1:7000", "localhost:7000", "[::1]:7000", "unix:/run/job.sock"):
            async with connect(address, token="x" * 32):
                pass

    asyncio.run(main())
    with pytest.raises(ValueError, match="not both"):
        connect("localhost:1", token="x", token_file="y")
