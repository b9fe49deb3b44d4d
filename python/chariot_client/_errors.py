"""What goes wrong with a call, as exceptions: see CallError."""

from __future__ import annotations

from typing import Any

import grpc
from google.rpc import status_pb2

from ._protos import ObjectError


class CallError(Exception):
    """The call was refused or has failed. `code` is gRPC's name for why: NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE ..."""

    def __init__(self, text: str, code: str) -> None:
        super().__init__(text)
        self.code = code

    def __str__(self) -> str:
        return f"{self.code}: {self.args[0]}"


class DeadlineExceeded(CallError, TimeoutError):
    """Its time was over before the answer came."""


class RemoteError(CallError):
    """The method raised. `type`, `message`: of its exception; `pe`: where; `traceback`: empty unless the job shows them."""

    def __init__(self, failure: Any, code: str = "ABORTED", object: str = "", method: str = "") -> None:
        super().__init__(f"{failure.type}: {failure.message}", code)
        self.type: str = failure.type
        self.message: str = failure.message
        self.pe: int = failure.pe
        self.traceback: str = failure.traceback
        self.object = object
        self.method = method

    def __str__(self) -> str:
        where = f" in {self.object}.{self.method}" if self.method else ""
        trace = f"\n\n{self.traceback.rstrip()}" if self.traceback else ""
        return f"{self.args[0]} (raised{where} on PE {self.pe}){trace}"


def told_by(trailers: Any) -> Any:
    """The ObjectError among the details of the status; None: there is none."""
    for key, value in trailers or ():
        if key == "grpc-status-details-bin":
            for detail in status_pb2.Status.FromString(value).details:
                error = ObjectError()
                if detail.Unpack(error):
                    return error
    return None


def error_of(raised: grpc.aio.AioRpcError) -> CallError:
    told, code = told_by(raised.trailing_metadata()), raised.code().name
    if told is not None and told.HasField("failure"):
        return RemoteError(told.failure, code, told.object, told.method)
    kind = DeadlineExceeded if code == "DEADLINE_EXCEEDED" else CallError
    return kind(raised.details() or "", code)
