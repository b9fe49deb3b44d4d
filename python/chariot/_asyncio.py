"""asyncio inside a coroutine: tasks of a loop await our futures, and the PE goes on while the loop has nothing to do.

Imported when the program has imported asyncio (_start.py), and called from C from then on. A loop that runs in a coroutine
(`asyncio.run(main())`) gets a selector around its own: where that would block, the coroutine is suspended until a time has
come, a file is ready, or something of ours is. Files are watched by a thread, which only tells the scheduler.
"""

from __future__ import annotations

import asyncio
import os
import select
import sys
import threading
from asyncio import base_events, events

from . import _core
from ._core import Charm4PyError, NotThreadedError, charm

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


class _Watcher:
    """A thread that waits for one file, when asked to, and then has the scheduler call back."""

    def __init__(self) -> None:
        self.asked = threading.Semaphore(0)
        self.stopped = threading.Semaphore(0)
        self.request: tuple[int, Any] | None = None
        self.stop_in, self.stop_out = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        threading.Thread(target=self.run, name="chariot-asyncio", daemon=True).start()

    def run(self) -> None:
        while self.asked.acquire() and self.request is not None:
            self.watch(*self.request)
            os.read(self.stop_in, 1)
            self.stopped.release()
        os.close(self.stop_in)
        os.close(self.stop_out)

    def watch(self, fd: int, callback: Any) -> None:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        poll.register(self.stop_in, select.POLLIN)
        if self.stop_in not in (ready for ready, _ in poll.poll()):
            _core._post(callback)
            self.wait_for_stop()

    def wait_for_stop(self) -> None:
        poll = select.poll()
        poll.register(self.stop_in, select.POLLIN)
        poll.poll()

    def start(self, fd: int, callback: Any) -> None:
        self.request = fd, callback
        self.asked.release()

    def stop(self) -> None:
        """When it returns, the thread looks at nothing any more, and keeps nothing alive."""
        os.write(self.stop_out, b"x")
        self.stopped.acquire()
        self.request = None

    def close(self) -> None:
        self.asked.release()


class _Selector:
    """Around the selector of a loop; everything but select() is that one's."""

    def __init__(self, inner: Any, loop: Any) -> None:
        self.inner, self.loop = inner, loop
        self.watcher: _Watcher | None = None
        self.sleeping: Any = None  # the future that ends the suspension
        # What tasks await, by the asyncio future that they wait for instead. Nobody else may keep such a task.
        self.watches: dict[Any, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    def wake(self) -> None:
        sleeping, self.sleeping = self.sleeping, None
        if sleeping is not None:
            sleeping.send()

    def select(self, timeout: float | None = None) -> Any:
        ready = self.inner.select(0)
        if ready or (timeout is not None and timeout <= 0):
            return ready
        if not _core._can_wait():
            return self.inner.select(timeout)
        self.suspend(timeout)
        return self.inner.select(0)

    def suspend(self, timeout: float | None) -> None:
        if self.watcher is None:
            self.watcher = _Watcher()
        sleeping = self.sleeping = charm.Future()
        outside = self.may_be_woken_from_outside()
        self.watcher.start(self.inner.fileno(), self.wake)
        if outside:
            _core._outside(True)
        try:
            sleeping.get(timeout)
        except TimeoutError:
            pass
        finally:
            self.sleeping = None
            if outside:
                _core._outside(False)
            self.watcher.stop()

    def may_be_woken_from_outside(self) -> bool:
        """By files beside the loop's own pipe, by threads beside this one and the watcher, by signals."""
        files = len(self.inner.get_map()) > 1
        watchers = sum(thread.name == "chariot-asyncio" for thread in threading.enumerate())
        return files or threading.active_count() > 1 + watchers or bool(getattr(self.loop, "_signal_handlers", None))

    def forget(self, ready: Any) -> None:
        self.watches.pop(ready, None)

    def close(self) -> None:
        self.watches.clear()
        if self.watcher is not None:
            self.watcher.close()
        self.inner.close()


def _adopt(loop: Any) -> _Selector:
    """The loop suspends from now on instead of blocking."""
    inner = getattr(loop, "_selector", None)
    if isinstance(inner, _Selector):
        return inner
    if inner is None or not hasattr(inner, "fileno"):
        raise Charm4PyError(
            f"a {type(loop).__name__} of asyncio cannot wait for chares: use the loop that asyncio.run() makes by default"
        )
    loop._selector = _Selector(inner, loop)
    return loop._selector  # type: ignore[no-any-return]


_run_forever = base_events.BaseEventLoop.run_forever


def _run_forever_suspending(self: Any) -> None:
    if _core._can_wait() and hasattr(getattr(self, "_selector", None), "fileno"):
        _adopt(self)
    _run_forever(self)


base_events.BaseEventLoop.run_forever = _run_forever_suspending  # type: ignore[method-assign]


# ---------------------------------------------------------------- called from C


def bridge(awaitable: Any) -> Iterator[Any] | None:
    """What a task of asyncio iterates to wait until awaitable is ready. None: no loop runs here."""
    loop = events._get_running_loop()
    if loop is None:
        return None
    if not _core._can_wait():
        raise NotThreadedError("a loop of asyncio can wait for chares in a coroutine only: call asyncio.run() in a @coro")
    selector = _adopt(loop)
    ready: asyncio.Future[None] = loop.create_future()

    def on_ready() -> None:
        if not ready.done():
            ready.set_result(None)
            selector.wake()

    selector.watches[ready] = _core._watch(awaitable, on_ready)
    ready.add_done_callback(selector.forget)  # cancelled: nobody waits any more
    return iter(ready.__await__())


def has_loop() -> bool:
    return events._get_running_loop() is not None


def leave() -> Any:
    """The coroutine is being suspended: other coroutines do not run inside its loop. None: there is none."""
    loop = events._get_running_loop()
    if loop is None:
        return None
    hooks = sys.get_asyncgen_hooks()
    events._set_running_loop(None)
    sys.set_asyncgen_hooks(None, None)
    return loop, hooks


def enter(left: Any) -> None:
    loop, hooks = left
    events._set_running_loop(loop)
    sys.set_asyncgen_hooks(*hooks)


_core._bridge(sys.modules[__name__])
