"""The cases of test/clients/table.py: cases.py ADDRESS CA_FILE TOKEN_FILE NARROW_TOKEN_FILE [--values IN OUT]"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import Any

import grpc
import numpy as np
from chariot.v1 import object_service_pb2 as pb
from chariot.v1 import value_pb2
from client import Grid, arguments, failure_of
from google.protobuf import proto
from values import from_value, to_value


def status(call: Callable[[], object]) -> str:
    try:
        call()
    except grpc.RpcError as error:
        return str(error.code().name)
    return "OK"


def reduce(grid: Grid) -> Any:
    request = pb.ReduceRequest(target=pb.Target(name="grid"), method="get", reducer=pb.REDUCER_SUM)
    return from_value(grid.stub.Reduce(request).result)


def array(grid: Grid) -> str:
    scaled = grid.call([3, 3], "scaled", np.array([[0.5, 1.5, 2.5], [3.5, 4.5, 5.5]]), 3.0)
    return " ".join([scaled.dtype.str, "x".join(map(str, scaled.shape)), *map(str, scaled.flat)])


def describe(grid: Grid) -> str:
    described = grid.stub.GetObject(pb.GetObjectRequest(target=pb.Target(name="grid"))).object
    add = next(method for method in described.methods if method.name == "add")
    parameters = ", ".join(f"{one.name}: {one.type}" for one in add.parameters)
    return f"{add.name}({parameters}) -> {add.returns}"


def watch(grid: Grid) -> str:
    request = pb.WatchFutureRequest(future=grid.call([0, 0], "later"))
    return " ".join(from_value(response.value) for response in grid.stub.WatchFuture(request))


def error(grid: Grid) -> str:
    try:
        return str(grid.call([2, 2], "fail", "no such luck"))
    except grpc.RpcError as raised:
        failure = failure_of(raised)
        return f"{raised.code().name} {failure.type}: {failure.message}"


def cancelled(grid: Grid) -> str:
    target = pb.Target(name="grid", index=[0, 0])
    call = grid.stub.Call.future(pb.CallRequest(target=target, method="slow", arguments=arguments(10.0)))
    threading.Timer(0.1, call.cancel).start()
    return status(lambda: wait_for(call))


def wait_for(call: Any) -> None:
    """result() of a call that was cancelled here raises without a status; the call has it."""
    try:
        call.result()
    except grpc.FutureCancelledError:
        raise call from None


def unknown(grid: Grid) -> str:
    return status(lambda: grid.stub.Call(pb.CallRequest(target=pb.Target(name="nobody"), method="get")))


def run(address: str, authority: str, token: str, narrow: str) -> None:
    grid = Grid(address, authority, token)
    print("call:", grid.call([1, 2], "add", 1.5))
    print("broadcast:", *grid.broadcast("add", 0.25))
    print("reduce:", reduce(grid))
    print("stream:", *grid.stream([0, 1], "chat", [0.75, 1.25, "ping"]))
    print("array:", array(grid))
    print("list:", *(one.name for one in grid.stub.ListObjects(pb.ListObjectsRequest()).objects))
    print("describe:", describe(grid))
    print("watch:", watch(grid))
    print("error:", error(grid))
    print("deadline:", status(lambda: grid.call([0, 0], "slow", 10.0, timeout=0.3)))
    print("cancelled:", cancelled(grid))
    print("unknown:", unknown(grid))
    print("not_exposed:", status(lambda: grid.call([0, 0], "hidden")))
    print("wrong_type:", status(lambda: grid.call([0, 0], "add", "much")))
    print("over_limit:", status(lambda: grid.call([0, 0], "echo", bytes(2 << 20))))
    print("no_token:", status(lambda: Grid(address, authority, None).call([0, 0], "get")))
    print("wrong_scope:", status(lambda: Grid(address, authority, narrow).call([0, 0], "add", 1.0)))


def echo_values(grid: Grid, source: str, target: str) -> None:
    """Each value as Python's own goes to the grid and comes back; call() turns it into a Value and back."""
    with open(source, "rb") as values, open(target, "wb") as out:
        while (value := proto.parse_length_prefixed(value_pb2.Value, values)) is not None:
            back = grid.call([0, 0], "echo", from_value(value))
            proto.serialize_length_prefixed(to_value(back), out)


if __name__ == "__main__":
    if sys.argv[5:6] == ["--values"]:
        echo_values(Grid(*sys.argv[1:4]), *sys.argv[6:8])
    else:
        run(*sys.argv[1:5])
