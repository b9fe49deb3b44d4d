"""The same client for programs without asyncio: every call waits and gives its result.

    from chariot_client.blocking import connect

    with connect("127.0.0.1:7000", token=token, ca="authority.pem") as job:
        print(job["grid"][1, 2].add(1.5))

A job's connection lives on a thread of its own, and may be used by any number of threads.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from . import _job, _proxies, connection


class Channel(_proxies.Channel):
    """A stream to a chare and back: `with` opens it, `for` gives what comes until the chare closes its end."""

    def __enter__(self) -> Channel:
        self._job._do(self._open())
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._job._do(self._close())

    def __iter__(self) -> Iterator[Any]:
        while True:
            try:
                value = self.receive()
            except EOFError:
                return
            yield value


class Job(_job.Job):
    """What connect() gives."""

    _channel_type = Channel

    def __init__(self, how: dict[str, Any]) -> None:
        super().__init__(how)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="chariot_client", daemon=True)

    def _do(self, work: Coroutine[Any, Any, Any]) -> Any:
        """A Ctrl-C meanwhile cancels the call."""
        running = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return running.result()
        except BaseException:
            running.cancel()
            raise

    def __enter__(self) -> Job:
        self._thread.start()
        try:
            self._do(self._open())
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._do(self._close())
        finally:
            self._stop()

    def _stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


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
    """As chariot_client.connect(), for `with`."""
    return Job(connection(address, token, token_file, ca, certificate, tls, server_name))
