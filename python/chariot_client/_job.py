"""A connection to a job that serves."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import TracebackType
from typing import Any

from ._description import Object, object_of
from ._errors import CallError
from ._protos import message
from ._proxies import Channel, Future, Proxy, target_of
from ._wire import Wire


class Job:
    """What connect() gives. job["grid"] is the object that the job has published as "grid"; nothing is asked for that."""

    _channel_type: type[Channel] = Channel

    def __init__(self, how: dict[str, Any]) -> None:
        self._how = how
        self._wire: Wire = None  # type: ignore[assignment]  # until it is entered

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        return work

    def _made(self, kind: str, handle: Any) -> Proxy | Future:
        return Proxy(self, "of the job", handle) if kind == "reference" else Future(self, handle)

    def __getitem__(self, name: str) -> Proxy:
        return Proxy(self, name)

    def ready(self, timeout: float = 10) -> Any:
        """Waits until the job can be reached, for programs that may be there before it serves."""
        return self._do(self._ready(timeout))

    def objects(self, prefix: str = "") -> Any:
        """The published objects whose names begin so and that this client may see, without their methods."""
        return self._do(self._objects(prefix))

    def describe(self, of: str | Proxy) -> Any:
        """An object with the methods that this client may call."""
        return self._do(self._describe(of))

    async def _ready(self, timeout: float) -> None:
        try:
            await asyncio.wait_for(self._wire.channel.channel_ready(), timeout)
        except asyncio.TimeoutError:
            raise CallError(f"{self._how['address']} cannot be reached", "UNAVAILABLE") from None

    async def _objects(self, prefix: str) -> list[Object]:
        objects: list[Object] = []
        page = None
        while page is None or page.next_page_token:
            request = message("ListObjectsRequest")(prefix=prefix, page_token=page.next_page_token if page else "")
            page = await self._wire.ask("ListObjects", request)
            objects += map(object_of, page.objects)
        return objects

    async def _describe(self, of: str | Proxy) -> Object:
        target = target_of(self[of] if isinstance(of, str) else of)
        return object_of((await self._wire.ask("GetObject", message("GetObjectRequest")(target=target))).object)

    async def _open(self) -> None:
        self._wire = Wire(**self._how)

    async def _close(self) -> None:
        await self._wire.channel.close()

    async def __aenter__(self) -> Job:
        await self._open()
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()
