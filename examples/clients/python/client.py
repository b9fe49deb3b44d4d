"""Calls the grid of ../grid.py: python client.py ADDRESS CA_FILE TOKEN_FILE"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from chariot.v1 import object_service_pb2 as pb
from chariot.v1.object_service_pb2_grpc import ObjectServiceStub
from google.rpc import status_pb2
from values import from_value, to_value


class Grid:
    def __init__(self, address: str, authority: str, token: str | None) -> None:
        secure = grpc.ssl_channel_credentials(Path(authority).read_bytes())
        if token:  # goes with each call as `authorization: Bearer TOKEN`
            bearer = grpc.access_token_call_credentials(Path(token).read_text().strip())
            secure = grpc.composite_channel_credentials(secure, bearer)
        self.stub = ObjectServiceStub(grpc.secure_channel(address, secure))

    def call(self, index: list[int], method: str, *args: Any, timeout: float | None = None) -> Any:
        """A method of one cell; what it returns."""
        target = pb.Target(name="grid", index=index)
        request = pb.CallRequest(target=target, method=method, arguments=arguments(*args))
        return from_value(self.stub.Call(request, timeout=timeout).result)

    def broadcast(self, method: str, *args: Any) -> list[Any]:
        """A method of all cells; their results in order."""
        request = pb.BroadcastRequest(target=pb.Target(name="grid"), method=method, arguments=arguments(*args))
        return [from_value(result) for result in self.stub.Broadcast(request).results]

    def stream(self, index: list[int], method: str, values: list[Any]) -> Iterator[Any]:
        """A channel to one cell: sends the values, gives what comes until the cell closes it."""

        def requests() -> Iterator[pb.OpenChannelRequest]:
            yield pb.OpenChannelRequest(target=pb.ChannelTarget(target=pb.Target(name="grid", index=index), method=method))
            for value in values:
                yield pb.OpenChannelRequest(value=to_value(value))

        for response in self.stub.OpenChannel(requests()):
            yield from_value(response.value)


def arguments(*positional: Any) -> pb.Arguments:
    return pb.Arguments(positional=map(to_value, positional))


def failure_of(error: grpc.RpcError) -> Any:
    """What the method raised: type, message, PE; None where it was not run."""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                told = pb.ObjectError()
                if detail.Unpack(told) and told.HasField("failure"):
                    return told.failure
    return None


if __name__ == "__main__":
    grid = Grid(*sys.argv[1:4])
    print("call:", grid.call([1, 2], "add", 1.5))
    print("broadcast:", grid.broadcast("get"))
    print("stream:", *grid.stream([0, 1], "chat", [1, 2.5, "three"]))
    print("array:", grid.call([3, 3], "scaled", np.arange(6.0).reshape(2, 3), 10.0))
    try:
        grid.call([0, 0], "fail", "no such luck")
    except grpc.RpcError as error:
        print("error:", error.code().name, failure_of(error).type)
    try:
        grid.call([0, 0], "slow", 10.0, timeout=0.3)
    except grpc.RpcError as error:
        print("deadline:", error.code().name)
