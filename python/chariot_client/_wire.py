"""The calls of chariot.v1.ObjectService on a channel of grpc.aio."""

from __future__ import annotations

import ipaddress
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, TypeVar

import grpc

from ._errors import error_of
from ._protos import SERVICE, message

_T = TypeVar("_T")
_OPTIONS = [
    ("grpc.max_receive_message_length", -1),  # the job has limits of its own
    ("grpc.max_send_message_length", -1),
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 5000),
]
UNARY = ("Call", "Broadcast", "Reduce", "ListObjects", "GetObject")


async def answered(call: Awaitable[_T]) -> _T:
    """What it gives; raises CallError."""
    try:
        return await call
    except grpc.aio.AioRpcError as raised:
        raise error_of(raised) from None


def _read(file: str | Path | bytes | None) -> bytes | None:
    return file if isinstance(file, bytes) or file is None else Path(file).read_bytes()


def is_local(address: str) -> bool:
    """Whether what is said in plain text stays on this host."""
    if address.startswith(("unix:", "unix-abstract:")):
        return True
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class Wire:
    """An open connection. The token goes as metadata of each call."""

    def __init__(
        self,
        address: str,
        token: str | None,
        ca: str | Path | bytes | None,
        certificate: tuple[str | Path, str | Path] | None,
        tls: bool,
        server_name: str | None,
    ) -> None:
        options = list(_OPTIONS)
        if server_name is not None:
            options.append(("grpc.ssl_target_name_override", server_name))  # type: ignore[arg-type]
        if ca is None and certificate is None and not tls:
            if token is not None and not is_local(address):
                raise ValueError("a token in plain text could be read by others on the way: give ca=, or tls=True")
            self.channel = grpc.aio.insecure_channel(address, options)
        else:
            chain, key = certificate or (None, None)
            credentials = grpc.ssl_channel_credentials(_read(ca), _read(key), _read(chain))
            self.channel = grpc.aio.secure_channel(address, credentials, options)
        self.metadata = [("authorization", f"Bearer {token}")] if token is not None else []
        self.unary = {name: self._method("unary_unary", name) for name in UNARY}
        self._open_channel = self._method("stream_stream", "OpenChannel")
        self._watch_future = self._method("unary_stream", "WatchFuture")

    def _method(self, shape: str, name: str) -> Any:
        request, response = message(f"{name}Request"), message(f"{name}Response")
        return getattr(self.channel, shape)(f"/{SERVICE}/{name}", request.SerializeToString, response.FromString)

    async def ask(self, name: str, request: Any, timeout: float | None = None) -> Any:
        return await answered(self.unary[name](request, timeout=timeout, metadata=self.metadata))

    def open_channel(self, timeout: float | None) -> Any:
        return self._open_channel(timeout=timeout, metadata=self.metadata)

    def watch(self, handle: Any, timeout: float | None) -> Any:
        request = message("WatchFutureRequest")(future=handle)
        return self._watch_future(request, timeout=timeout, metadata=self.metadata)
