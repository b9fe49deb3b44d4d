"""charm.pool as a concurrent.futures.Executor: charm.pool.executor().

Its futures are those of concurrent.futures, but waiting for them, also by concurrent.futures.wait() and as_completed(),
suspends the coroutine that waits, and the PE goes on. All of it runs on the PE's thread.
"""

import concurrent.futures
import functools
import itertools
import operator
from collections.abc import Awaitable, Callable, Generator, Iterable, Iterator
from typing import Any, Optional, TypeVar, cast

from ._core import Future, charm, coro

_T = TypeVar("_T")


class _Event:
    """A threading.Event whose wait() suspends a coroutine."""

    def __init__(self) -> None:
        self.flag = False
        self.sleepers: list[Future[Any]] = []

    def is_set(self) -> bool:
        return self.flag

    def set(self) -> None:
        self.flag = True
        sleepers, self.sleepers = self.sleepers, []
        for sleeper in sleepers:
            sleeper.send()

    def clear(self) -> None:
        self.flag = False

    def sleeper(self) -> "Future[Any]":
        """Ready at the next set()."""
        future = charm.Future()
        self.sleepers.append(future)
        return future

    def wait(self, timeout: "float | None" = None) -> bool:
        if not self.flag:
            sleeper = self.sleeper()
            try:
                sleeper.get(timeout)
            except TimeoutError:
                if sleeper in self.sleepers:
                    self.sleepers.remove(sleeper)
                return self.flag
        return True


class _Waiters(list[Any]):
    """What concurrent.futures.wait() and as_completed() hang on a future; they then wait for an event of ours."""

    def append(self, waiter: Any) -> None:
        if not isinstance(waiter.event, _Event):
            waiter.event = _Event()
        super().append(waiter)


def _at_least_1(what: str, number: Any) -> int:
    try:
        whole = operator.index(number)
    except TypeError:
        raise TypeError(f"{what} must be an integer, not {type(number).__name__}") from None
    if whole < 1:
        raise ValueError(f"{what} must be at least 1, not {number}")
    return whole


class PoolFuture(concurrent.futures.Future[_T]):
    """Of a call by the pool. `await` gives its result in an async def."""

    def __init__(self, executor: "PoolExecutor") -> None:
        super().__init__()
        self._waiters = _Waiters()
        self._executor = executor

    def cancel(self) -> bool:
        """True where it had not begun; it will then never run."""
        cancelled = super().cancel()
        if cancelled:
            self._executor._withdraw(self)
        return cancelled

    def result(self, timeout: "float | None" = None) -> _T:
        self._suspend(timeout)
        return super().result(0)

    def exception(self, timeout: "float | None" = None) -> "BaseException | None":
        self._suspend(timeout)
        return super().exception(0)

    def _done_future(self) -> "Future[Any]":
        future = charm.Future()
        self.add_done_callback(lambda done: future.send())
        return future

    def _suspend(self, timeout: "float | None") -> None:
        if self.done():
            return
        if timeout is not None and timeout <= 0:
            raise concurrent.futures.TimeoutError
        try:
            self._done_future().get(timeout)
        except TimeoutError:
            raise concurrent.futures.TimeoutError from None

    def __await__(self) -> Generator[Any, None, _T]:
        if not self.done():
            yield from self._done_future().__await__()
        return super().result(0)


# Runs a chunk of a map(), by the kind of its function: what the pool calls waits as that would alone.


def _run_chunk(function: Callable[..., _T], chunk: "list[tuple[Any, ...]]") -> "list[_T]":
    return [function(*args) for args in chunk]


@coro
def _run_chunk_coro(function: Callable[..., _T], chunk: "list[tuple[Any, ...]]") -> "list[_T]":
    return [function(*args) for args in chunk]


async def _run_chunk_async(function: Callable[..., Awaitable[_T]], chunk: "list[tuple[Any, ...]]") -> "list[_T]":
    return [await function(*args) for args in chunk]


_RUNNERS: "tuple[Callable[..., Any], ...]" = (_run_chunk, _run_chunk_coro, _run_chunk_async)  # enum py_method_kind


def _chunks(iterables: "tuple[Iterable[Any], ...]", size: int) -> Iterator["list[tuple[Any, ...]]"]:
    rows = zip(*iterables)
    while chunk := list(itertools.islice(rows, size)):
        yield chunk


class PoolExecutor(concurrent.futures.Executor):
    """At most max_workers calls are under way at a time (None: as many as there are PEs); what waits can be cancelled."""

    def __init__(self, max_workers: "int | None" = None) -> None:
        what = "charm.pool.executor(): max_workers"
        self._room = charm.numPes() if max_workers is None else _at_least_1(what, max_workers)
        self._waiting: dict[PoolFuture[Any], tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]] = {}
        self._running = 0
        self._closed = False
        self._idle = _Event()

    def submit(self, fn: Callable[..., _T], /, *args: Any, **kwargs: Any) -> "PoolFuture[_T]":
        if self._closed:
            raise RuntimeError("cannot schedule new futures after shutdown")
        if not callable(fn):
            raise TypeError(f"executor.submit(): fn must be callable, not {type(fn).__name__}")
        future: PoolFuture[_T] = PoolFuture(self)
        self._waiting[future] = fn, args, kwargs
        self._start()
        return future

    def map(
        self, fn: Callable[..., _T], *iterables: Iterable[Any], timeout: Optional[float] = None, chunksize: int = 1
    ) -> Iterator[_T]:
        chunksize = _at_least_1("executor.map(): chunksize", chunksize)
        if chunksize == 1:
            return super().map(fn, *iterables, timeout=timeout)
        chunks = _chunks(iterables, chunksize)
        lists = super().map(_RUNNERS[charm.pool._kind(fn)], itertools.repeat(fn), chunks, timeout=timeout)
        return itertools.chain.from_iterable(cast("Iterator[list[_T]]", lists))

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._close(cancel_futures)
        while wait and self._busy():
            self._idle.clear()
            self._idle.wait()

    def __enter__(self) -> "PoolExecutor":
        return self

    async def __aenter__(self) -> "PoolExecutor":
        return self

    async def __aexit__(self, *error: object) -> None:
        """As `with`, in an async def."""
        self._close(False)
        while self._busy():
            await self._idle.sleeper()

    def _busy(self) -> bool:
        return self._running > 0 or bool(self._waiting)

    def _close(self, cancel: bool) -> None:
        self._closed = True
        for future in list(self._waiting) if cancel else ():
            future.cancel()

    def _withdraw(self, future: "PoolFuture[Any]") -> None:
        if self._waiting.pop(future, None) is not None:
            future.set_running_or_notify_cancel()  # tells those who wait for several
            self._note_idle()

    def _note_idle(self) -> None:
        if not self._busy():
            self._idle.set()

    def _start(self) -> None:
        while self._waiting and self._running < self._room:
            future = next(iter(self._waiting))
            call = self._waiting.pop(future)
            if future.set_running_or_notify_cancel():  # else it is being cancelled: a callback of its came here
                self._give_out(future, *call)
        self._note_idle()

    def _give_out(
        self, future: "PoolFuture[Any]", fn: Callable[..., Any], args: "tuple[Any, ...]", kwargs: "dict[str, Any]"
    ) -> None:
        self._running += 1
        try:
            charm.pool._call(fn, args, kwargs, functools.partial(self._ended, future))
        except BaseException as error:  # it cannot be pickled
            self._settle(future, None, error)

    def _settle(self, future: "PoolFuture[Any]", value: object, error: "BaseException | None") -> None:
        self._running -= 1
        if error is None:
            future.set_result(value)
        else:
            future.set_exception(error)

    def _ended(self, future: "PoolFuture[Any]", value: object, error: "BaseException | None") -> None:
        self._settle(future, value, error)
        self._start()
