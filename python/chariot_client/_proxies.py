"""Objects of a job, and what they give: proxies, their methods, channels, futures.

Each public function that takes time is `do` of a coroutine: with asyncio, the coroutine itself, to be awaited; in the
blocking face, its result (blocking.py).
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import TYPE_CHECKING, Any

import grpc

from ._protos import Target, message, numbers
from ._values import FromJob, from_value, put_value
from ._wire import answered

if TYPE_CHECKING:
    from ._job import Job

_REDUCERS = {name.removeprefix("REDUCER_").lower(): number for name, number in numbers("Reducer").items() if number > 0}
_END = grpc.aio.EOF


class Proxy(FromJob):
    """An object of the job: a published name, or a reference that a method has given. Its attributes are its methods; with an
    index, it is an element of a collection: grid[1, 2].add(1.5)."""

    kind = "reference"

    def __init__(self, job: Job, name: str, handle: Any = None, index: tuple[int, ...] = ()) -> None:
        self._job, self._name, self._reference, self._index = job, name, handle, index

    @property
    def handle(self) -> Any:
        return None if self._index else self._reference

    def __getitem__(self, index: int | tuple[int, ...]) -> Proxy:
        if self._index:
            raise TypeError(f"{self!r} is an element already")
        return Proxy(self._job, self._name, self._reference, index if isinstance(index, tuple) else (index,))

    def __iter__(self) -> None:
        raise TypeError(f"{self!r} cannot be iterated over: call a method of all its elements with .all()")

    def __getattr__(self, name: str) -> Method:
        if name.startswith("__"):
            raise AttributeError(name)
        return Method(self, name)

    def __repr__(self) -> str:
        index = f"[{', '.join(map(str, self._index))}]" if self._index else ""
        return f"<Proxy {self._name}{index}>"


def target_of(proxy: Proxy) -> Any:
    if proxy._reference is None:
        return Target(name=proxy._name, index=proxy._index)
    return Target(reference=proxy._reference, index=proxy._index)


def _fill(call: Any, method: Method, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
    """Every message that says what to call has these three fields. In place: arrays may be large."""
    call.target.CopyFrom(target_of(method._proxy))
    call.method = method._name
    for one in args:
        put_value(one, call.arguments.positional.add())
    for name, one in named.items():
        put_value(one, call.arguments.named[name])
    return call


class Method:
    """A method of an object. Called, it gives what it returns; of a coroutine, when that has ended."""

    def __init__(self, proxy: Proxy, name: str, timeout: float | None = None) -> None:
        self._proxy, self._job, self._name, self._timeout = proxy, proxy._job, name, timeout

    def within(self, seconds: float) -> Method:
        """The same with a deadline: grid[0, 0].slow.within(2)(10.0) raises DeadlineExceeded."""
        return Method(self._proxy, self._name, seconds)

    def __call__(self, *args: Any, **named: Any) -> Any:
        """What the method returns; raises RemoteError where it raises."""
        return self._job._do(self._result("Call", args, named))

    def send(self, *args: Any, **named: Any) -> Any:
        """Calls it and waits for nothing but that it is on its way."""
        return self._job._do(self._ask("Call", args, named, one_way=True))

    def all(self, *args: Any, **named: Any) -> Any:
        """Of all elements of a collection: their results in order, a RemoteError in place of one that raised."""
        return self._job._do(self._results(args, named))

    def send_all(self, *args: Any, **named: Any) -> Any:
        """Of all elements, and waits for none."""
        return self._job._do(self._ask("Broadcast", args, named, one_way=True))

    def reduce(self, reducer: str, *args: Any, **named: Any) -> Any:
        """Of all elements: their results reduced to one by "sum", "product", "max", "min", "and", "or" or "xor"."""
        if reducer not in _REDUCERS:
            raise ValueError(f"there is no reducer {reducer!r}; there are {', '.join(_REDUCERS)}")
        return self._job._do(self._result("Reduce", args, named, reducer=_REDUCERS[reducer]))

    def channel(self, *args: Any, **named: Any) -> Any:
        """Calls a method that takes a channel, and is the other end of it."""
        return self._job._channel_type(self, args, named)

    async def _ask(self, call: str, args: tuple[Any, ...], named: dict[str, Any], **more: Any) -> Any:
        request = _fill(message(f"{call}Request")(**more), self, args, named)
        response = await self._job._wire.ask(call, request, self._timeout)
        return None if more.get("one_way") else response

    async def _result(self, call: str, args: tuple[Any, ...], named: dict[str, Any], **more: Any) -> Any:
        return from_value((await self._ask(call, args, named, **more)).result, self._job._made)

    async def _results(self, args: tuple[Any, ...], named: dict[str, Any]) -> list[Any]:
        response = await self._ask("Broadcast", args, named)
        return [from_value(one, self._job._made) for one in response.results]

    def __repr__(self) -> str:
        return f"<Method {self._name} of {self._proxy!r}>"


class Channel:
    """A stream to a chare and back: what one end sends, the other receives, in order.

    async with grid[0, 1].chat.channel() as channel:
        await channel.send(1)
        await channel.finish()
        async for value in channel: ...
    """

    def __init__(self, method: Method, args: tuple[Any, ...], named: dict[str, Any]) -> None:
        self._job, self._method = method._job, method
        self._first = message("OpenChannelRequest")()
        _fill(self._first.target, method, args, named)
        self._call: Any = None
        self._reading: asyncio.Future[Any] | None = None
        self._turn = asyncio.Lock()

    def send(self, value: Any) -> Any:
        """Returns when there is room for it: a chare that does not receive makes its senders wait."""
        request = message("OpenChannelRequest")()
        put_value(value, request.value)
        return self._job._do(self._write(request))

    def finish(self) -> Any:
        """Nothing more is sent; what the chare sends still arrives."""
        return self._job._do(self._finish())

    def receive(self) -> Any:
        """The next value; raises EOFError where the chare has closed its end."""
        return self._job._do(self._receive())

    async def _open(self) -> Channel:
        self._call = self._job._wire.open_channel(self._method._timeout)
        await self._write(self._first)
        return self

    def _opened(self) -> Any:
        if self._call is None:
            raise ValueError("the channel is not open: `async with` opens it, or `with` in the blocking face")
        return self._call

    async def _write(self, request: Any) -> None:
        call = self._opened()
        try:
            await answered(call.write(request))
        except asyncio.InvalidStateError:  # it has ended, or will, from this side
            if not call.done():
                raise ValueError("the channel was finished: nothing more can be sent") from None
            await answered(call.read())  # raises where it has not ended well
            raise EOFError("the chare has closed its end of the channel") from None

    async def _finish(self) -> None:
        await answered(self._opened().done_writing())

    async def _receive(self) -> Any:
        """A read that nobody waits for any more goes on, for who comes next: nothing is lost."""
        call = self._opened()
        async with self._turn:
            if self._reading is None:
                self._reading = asyncio.ensure_future(call.read())
            response = await answered(asyncio.shield(self._reading))
            if response is _END:
                raise EOFError("the chare has closed its end of the channel")
            self._reading = None
        return from_value(response.value, self._job._made)

    async def _close(self) -> None:
        """Of a channel that has not ended, the rest is dropped."""
        if self._call is not None:
            self._call.cancel()
        if self._reading is not None:
            await asyncio.wait([self._reading])
            self._reading.cancelled() or self._reading.exception()

    async def __aenter__(self) -> Channel:
        return await self._open()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._close()

    def __aiter__(self) -> Channel:
        return self

    async def __anext__(self) -> Any:
        try:
            return await self._receive()
        except EOFError:
            raise StopAsyncIteration from None


class Future(FromJob):
    """A value, or several, that will come: await it, or iterate over it with `async for`."""

    kind = "future"

    def __init__(self, job: Job, handle: Any) -> None:
        self._job, self.handle = job, handle

    def values(self, timeout: float | None = None) -> Any:
        """All its values, when they have come."""
        return self._job._do(self._values(timeout))

    def get(self, timeout: float | None = None) -> Any:
        """Its value, when it has come; of several, the list of them."""
        return self._job._do(self._get(timeout))

    async def _values(self, timeout: float | None) -> list[Any]:
        call, values = self._job._wire.watch(self.handle, timeout), []
        while (response := await answered(call.read())) is not _END:
            values.append(from_value(response.value, self._job._made))
        return values

    async def _get(self, timeout: float | None = None) -> Any:
        values = await self._values(timeout)
        return values[0] if len(values) == 1 else values

    def __await__(self) -> Any:
        return self._get().__await__()

    def __repr__(self) -> str:
        return "<Future of a job>"
