"""The cases of test/clients/table.py by chariot_client: cases.py ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from typing import Any

import numpy as np
from google.protobuf import proto

from chariot_client import CallError, Job, RemoteError, connect
from chariot_client._protos import Value
from chariot_client._values import from_value, to_value


async def status(call: Awaitable[Any]) -> str:
    try:
        await call
    except CallError as error:
        return error.code
    return "OK"


async def stream(job: Job) -> list[Any]:
    async with job["grid"][0, 1].chat.channel() as channel:
        for value in (0.75, 1.25, "ping"):
            await channel.send(value)
        await channel.finish()
        return [value async for value in channel]


async def array(job: Job) -> str:
    scaled = await job["grid"][3, 3].scaled(np.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]), 3.0)
    return " ".join([scaled.dtype.str, "x".join(map(str, scaled.shape)), *map(str, scaled.flat)])


async def error(job: Job) -> str:
    try:
        return str(await job["grid"][2, 2].fail("no such luck"))
    except RemoteError as raised:
        return f"{raised.code} {raised.type}: {raised.message}"


async def cancelled(job: Job) -> str:
    """A task that is cancelled cancels its call; what it awaits says so as asyncio does."""
    task = asyncio.ensure_future(job["grid"][0, 0].slow(10.0))
    await asyncio.sleep(0.1)
    task.cancel()
    done, _ = await asyncio.wait([task])
    return "CANCELLED" if done.pop().cancelled() else "OK"


async def run(address: str, ca: str, token: str, narrow: str) -> None:
    async with connect(address, ca=ca, token_file=token) as job:
        grid = job["grid"]
        print("call:", await grid[1, 2].add(1.5))
        print("broadcast:", *await grid.add.all(0.25))
        print("reduce:", await grid.get.reduce("sum"))
        print("stream:", *await stream(job))
        print("array:", await array(job))
        print("list:", *(one.name for one in await job.objects()))
        print("describe:", *(one for one in (await job.describe("grid")).methods if one.name == "add"))
        print("watch:", await (await grid[0, 0].later()))
        print("error:", await error(job))
        print("deadline:", await status(grid[0, 0].slow.within(0.3)(10.0)))
        print("cancelled:", await cancelled(job))
        print("unknown:", await status(job["nobody"].get()))
        print("not_exposed:", await status(grid[0, 0].hidden()))
        print("wrong_type:", await status(grid[0, 0].add("much")))
        print("over_limit:", await status(grid[0, 0].echo(bytes(2 << 20))))
    async with connect(address, ca=ca) as job:
        print("no_token:", await status(job["grid"][0, 0].get()))
    async with connect(address, ca=ca, token_file=narrow) as job:
        print("wrong_scope:", await status(job["grid"][0, 0].add(1.0)))


async def echo_values(address: str, ca: str, token: str, source: str, target: str) -> None:
    """Each value as Python's own goes to the grid and comes back."""
    async with connect(address, ca=ca, token_file=token) as job:
        with open(source, "rb") as values, open(target, "wb") as out:
            while (value := proto.parse_length_prefixed(Value, values)) is not None:
                back = await job["grid"][0, 0].echo(from_value(value, job._made))
                proto.serialize_length_prefixed(to_value(back), out)


if __name__ == "__main__":
    if sys.argv[5:6] == ["--values"]:
        asyncio.run(echo_values(*sys.argv[1:4], *sys.argv[6:8]))
    else:
        asyncio.run(run(*sys.argv[1:5]))
    assert "chariot" not in sys.modules, "the client has loaded the runtime"
