"""A client of jobs that serve (charm.serve, chariot run --serve). It loads no runtime.

    from chariot_client import connect

    async with connect("127.0.0.1:7000", token=token, ca="authority.pem") as job:
        grid = job["grid"]
        print(await grid[1, 2].add(1.5))

Without asyncio: chariot_client.blocking.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

try:
    import google.rpc.status_pb2  # noqa: F401
    import grpc.aio  # noqa: F401
except ImportError as _error:
    raise ImportError("chariot_client needs grpcio, protobuf and googleapis-common-protos: pip install 'chariot[client]'") from _error

from ._description import Method as MethodDescription
from ._description import Object, Parameter
from ._errors import CallError, DeadlineExceeded, RemoteError
from ._job import Job
from ._proxies import Channel, Future, Method, Proxy


def connection(
    address: str,
    token: str | None,
    token_file: str | Path | None,
    ca: str | Path | bytes | None,
    certificate: tuple[str | Path, str | Path] | None,
    tls: bool,
    server_name: str | None,
) -> dict[str, Any]:
    if token_file is not None:
        if token is not None:
            raise ValueError("connect() takes token= or token_file=, not both")
        token = Path(token_file).read_text().strip()
    how = {"address": address, "token": token, "ca": ca, "certificate": certificate}
    return how | {"tls": tls, "server_name": server_name}


def connect(
    address: str,
    *,
    token: str | None = None,
    token_file: str | Path | None = None,
    ca: str | Path | bytes | None = None,
    certificate: tuple[str | Path, str | Path] | None = None,
    tls: bool = False,
    server_name: str | None = None,
) -> Job:
    """A connection to a job, for `async with`.

    address      "HOST:PORT" or "unix:PATH", as the job says it
    token        of this client, or token_file: where it stands
    ca           file (PEM), or its bytes: who must have signed the service's certificate; with it, TLS
    certificate  files (PEM) of this client's certificate and key, where the service asks for one
    tls          TLS with the authorities that this machine trusts
    server_name  name in the service's certificate, where it is not the address's
    """
    return Job(connection(address, token, token_file, ca, certificate, tls, server_name))


__all__ = [
    "CallError",
    "Channel",
    "DeadlineExceeded",
    "Future",
    "Job",
    "Method",
    "MethodDescription",
    "Object",
    "Parameter",
    "Proxy",
    "RemoteError",
    "connect",
]
