"""Issue 8: foreign programs call published chares by gRPC. The client here is grpcio with code made by its own tools
from the protos; the job is a real one of two PEs, which serves at the second."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import pickle
import queue
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from harness import CHARIOT, ROOT, Job

PROGRAM = """
import sys
import numpy as np
from numpy.typing import NDArray
import asyncio, time
from chariot import Array, Channel, Chare, Group, charm, coro, expose, when

class Cell(Chare):
    '''A cell of a grid.'''
    log = []
    def __init__(self):
        self.open = None
    @expose
    def add(self, by: int, times: int = 1, *, name: str | None = None) -> int:
        '''Its index and more.'''
        return name if name is not None else self.thisIndex[0] + by * times
    @expose
    def echo(self, value):
        return value
    @expose
    def fail(self, text: str):
        raise LookupError(text)
    @expose
    @coro
    def slow(self, seconds: float):
        charm.sleep(seconds)
        return "slept"
    @expose
    def me(self):
        return self.thisProxy[self.thisIndex]
    @expose
    @coro
    def later(self, seconds: float):
        future = charm.Future()
        charm.scheduleCallableAfter(future.send, seconds, ["came"])
        return future
    @expose
    def total(self, numbers: NDArray[np.float64], factors: list[int]) -> float:
        return float(numbers.sum() * sum(factors))
    @expose
    def odd(self):
        return object()
    def hidden(self):
        return 1
    @expose
    async def chat(self, channel: Channel, times: int = 2):
        '''Sends back what it receives, twice.'''
        async for value in channel:
            await channel.send(value * times)
        return "dropped"
    @expose
    @coro
    def chat_too(self, channel):
        for value in channel:
            channel.send(value, value)
    @expose
    @coro
    def count(self, channel: Channel, until: int, size: int, fails: bool = False):
        for i in range(until):
            Cell.counted = i
            channel.send(b"x" * size)
        if fails:
            raise LookupError("counted")
    @expose
    def how_far(self):
        return getattr(Cell, "counted", -1), getattr(Cell, "ended", "")
    @expose
    @coro
    def hear(self, channel: Channel, pause: float):
        try:
            charm.sleep(pause)
            for value in channel: pass
            Cell.ended = "said so"
        except BaseException as e:
            Cell.ended = type(e).__name__
            raise
    @expose
    @coro
    def linger(self, name: str):
        self.ends(name, self.nap, ())
    @expose
    async def linger_async(self, name: str):
        try:
            Cell.log.append(name + " begins")
            await self.thisProxy[self.thisIndex].sleep_for_ever(ret=True)
        except asyncio.CancelledError as e:
            Cell.log.append(name + " cancelled")
            raise
    @coro
    def sleep_for_ever(self):
        charm.sleep(1e6)
    def nap(self):
        charm.sleep(1e6)
    def ends(self, name, nap, args):
        try:
            Cell.log.append(name + " begins")
            nap(*args)
        except asyncio.CancelledError as e:
            Cell.log.append(name + " cancelled")
            charm.sleep(0.01)
            Cell.log.append(name + " cleaned up")
    @expose
    @when("self.open == name")
    def gated(self, name: str):
        Cell.log.append(name + " begins")
    @expose
    def admit(self, name: str):
        self.open = name
    @expose
    def busy(self, seconds: float, name: str):
        Cell.log.append(name + " begins")
        time.sleep(seconds)
        Cell.log.append(name + " ends")
    @expose
    def said(self):
        return list(Cell.log)
    @expose
    @coro
    def make_one(self, name: str):
        self.one = Chare(One, onPE=0)
        charm.publish(name, self.one).get()
    @expose
    @coro
    def destroy_one(self):
        self.one.destroy(awaitable=True).get()
    @expose
    def keep(self, channel: Channel):
        self.kept = channel
        channel.send("hello")
    @expose
    def tell(self, value):
        if value is None: self.kept = None
        else: self.kept.send(value)

class One(Chare):
    @expose
    def get(self):
        return 7
    @expose
    async def listen(self, channel: Channel):
        async for value in channel: pass

class Server(Chare):
    def serve(self, keywords):
        return charm.serve(**keywords)
    @expose
    def quit(self):
        charm.exit()

def main(args):
    import json
    servers, cells = Group(Server), Array(Cell, 5)
    for name, proxy in (("grid", cells), ("one", cells[3]), ("servers", servers), ("other", cells)):
        charm.publish(name, proxy).get()
    for wrong in (lambda: charm.publish("grid", servers).get(), lambda: charm.unpublish("nobody").get(),
                  lambda: charm.publish("a b", cells), lambda: charm.publish("x", Cell)):
        try: wrong()
        except Exception as e: print(type(e).__name__, e)
    charm.publish("gone", cells).get()
    charm.unpublish("gone").get()
    print("at", servers[1].serve(json.loads(args[1]), ret=True).get(), flush=True)

charm.start(main)
"""


@pytest.fixture(scope="module")
def pb() -> Iterator[SimpleNamespace]:
    with tempfile.TemporaryDirectory() as out:
        protos = [f"chariot/v1/{name}.proto" for name in ("value", "object_service")]
        tool = [sys.executable, "-m", "grpc_tools.protoc", f"-I{ROOT}/rpc/proto", f"--python_out={out}"]
        subprocess.run([*tool, f"--grpc_python_out={out}", *protos], check=True)
        sys.path.insert(0, out)
        package = Path(out, "foreign")  # not chariot, which is a package itself
        Path(out, "chariot").rename(package)
        for file in package.rglob("*.py"):
            file.write_text(file.read_text().replace("from chariot.v1", "from foreign.v1"))
        reflection = ["grpc/health/v1/health.proto", "grpc/reflection/v1/reflection.proto"]
        subprocess.run([*tool, *reflection], check=True)
        Path(out, "grpc").rename(package / "grpc")
        yield SimpleNamespace(
            reflection=importlib.import_module("foreign.grpc.reflection.v1.reflection_pb2"),
            health=importlib.import_module("foreign.grpc.health.v1.health_pb2"),
            value=importlib.import_module("foreign.v1.value_pb2"),
            service=importlib.import_module("foreign.v1.object_service_pb2"),
            stub=importlib.import_module("foreign.v1.object_service_pb2_grpc").ObjectServiceStub,
        )
        sys.path.remove(out)


class Live:
    """A job that serves, and a client of it."""

    def __init__(self, pb: SimpleNamespace, directory: Path, keywords: dict[str, Any]) -> None:
        (directory / "prog.py").write_text(PROGRAM)
        self.pb = pb
        self.job = Job([CHARIOT, "run", "-n", "2", "prog.py", json.dumps(keywords)], directory, 60)
        self.job.wait_for("at ")
        self.address = next(line.split()[1] for line in self.job.out if line.startswith("at "))

    def connect(self, token: str | None = None, root: bytes | None = None) -> None:
        options = [("grpc.ssl_target_name_override", "localhost")] if root else []
        self.channel = (
            grpc.secure_channel(self.address, grpc.ssl_channel_credentials(root), options)
            if root
            else grpc.insecure_channel(self.address)
        )
        self.stub = self.pb.stub(self.channel)
        self.metadata = [("authorization", f"Bearer {token}")] if token else []

    def arguments(self, *positional: Any, **named: Any) -> Any:
        return self.pb.service.Arguments(
            positional=map(self.value, positional), named={name: self.value(one) for name, one in named.items()}
        )

    def value(self, one: Any) -> Any:
        Value = self.pb.value.Value
        if isinstance(one, Value):
            return one
        kinds = {bool: "boolean", int: "integer", float: "real", str: "text", bytes: "data"}
        return Value(**{kinds[type(one)]: one})

    def call(self, target: Any, method: str, *args: Any, timeout: float = 20, **named: Any) -> Any:
        if isinstance(target, tuple):
            target = self.pb.service.Target(name=target[0], index=target[1:])
        request = self.pb.service.CallRequest(target=target, method=method, arguments=self.arguments(*args, **named))
        return self.stub.Call(request, timeout=timeout, metadata=self.metadata).result

    def end(self) -> str:
        with contextlib.suppress(grpc.RpcError):  # the job may end before it has answered
            self.call(("servers", 0), "quit")
        self.channel.close()
        return self.job.finish().said


@pytest.fixture(scope="module")
def live(pb: SimpleNamespace) -> Iterator[Live]:
    with tempfile.TemporaryDirectory() as directory:
        live = Live(pb, Path(directory), {"address": "127.0.0.1:0", "anyone": True, "max_message_bytes": 1 << 20})
        live.connect()
        yield live
        said = live.end()
        assert "ValueError another object is published under this name already" in said
        assert "ValueError no object is published under this name" in said
        assert "ValueError charm.publish(): a name has" in said and "TypeError charm.publish(): a proxy" in said


def status(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code(), caught.value.details()


def test_calls_of_one(live: Live) -> None:
    assert live.call(("grid", 2), "add", 40).integer == 42
    assert live.call(("one",), "add", 40, 2).integer == 83
    assert live.call(("grid", 0), "add", times=3, by=2).integer == 6
    assert live.call(("grid", 0), "add", 1, name="x").text == "x"
    assert live.call(("grid", 4), "slow", 0.01).text == "slept"


def test_calls_of_all(live: Live) -> None:
    service, target = live.pb.service, live.pb.service.Target(name="grid")
    everything = {"target": target, "method": "add", "arguments": live.arguments(10)}
    results = live.stub.Broadcast(service.BroadcastRequest(**everything)).results
    assert [one.integer for one in results] == [10, 11, 12, 13, 14]
    for reducer, wanted in (("SUM", 60), ("MAX", 14), ("MIN", 10), ("PRODUCT", 10 * 11 * 12 * 13 * 14)):
        request = service.ReduceRequest(**everything, reducer=getattr(service, f"REDUCER_{reducer}"))
        assert live.stub.Reduce(request).result.integer == wanted
    everything |= {"method": "fail", "arguments": live.arguments("no")}
    results = live.stub.Broadcast(service.BroadcastRequest(**everything)).results
    assert {(one.failure.type, one.failure.message) for one in results} == {("LookupError", "no")}


def test_values_come_back_equal(live: Live) -> None:
    v = live.pb.value
    array = v.Array(dtype="<f8", shape=[2, 3], order=v.ORDER_C, data=bytes(range(48)))
    values = [
        v.Value(null=v.Null()),
        *map(live.value, (True, 0, -1, 2**63 - 1, -(2**63), -0.0, float("inf"), "", "ä€𝄞", b"", bytes(range(256)))),
        v.Value(big_integer=(2**63).to_bytes(9, "little", signed=True)),
        v.Value(array=array),
        v.Value(array=v.Array(dtype="<i4", shape=[0, 7], order=v.ORDER_C)),
        v.Value(list=v.List(items=[live.value(1), v.Value(tuple=v.List(items=[live.value("a")]))])),
        v.Value(map=v.Map(entries=[v.MapEntry(key=live.value(2), value=live.value("two"))])),
    ]
    for value in values:
        assert live.call(("one",), "echo", value) == value
    nan = live.call(("one",), "echo", float("nan")).real
    assert nan != nan


def test_references_lead_back(live: Live) -> None:
    reference = live.call(("grid", 4), "me").reference
    Target = live.pb.service.Target
    assert live.call(Target(reference=reference), "add", 1).integer == 5
    again = live.call(("one",), "echo", live.pb.value.Value(reference=reference)).reference
    assert live.call(Target(reference=again), "add", 2).integer == 6
    forged = live.pb.value.Reference(handle=reference.handle[:-1] + bytes([reference.handle[-1] ^ 1]))
    assert status(lambda: live.call(Target(reference=forged), "add", 1))[0] is grpc.StatusCode.NOT_FOUND
    value = live.pb.value.Value(reference=forged)
    code, text = status(lambda: live.call(("one",), "echo", value))
    assert code is grpc.StatusCode.INVALID_ARGUMENT and "not from here" in text


def test_futures_are_watched(live: Live) -> None:
    service = live.pb.service
    future = live.call(("grid", 4), "later", 0.05).future
    for _ in range(2):
        responses = live.stub.WatchFuture(service.WatchFutureRequest(future=future), timeout=20)
        assert [one.value.text for one in responses] == ["came"]
    never = live.call(("grid", 4), "later", 1e6).future
    waiting = live.stub.WatchFuture(service.WatchFutureRequest(future=never), timeout=0.2)
    assert status(lambda: list(waiting))[0] is grpc.StatusCode.DEADLINE_EXCEEDED
    forged = live.pb.value.Future(handle=future.handle[:-1] + b"x")
    wrong = live.stub.WatchFuture(service.WatchFutureRequest(future=forged), timeout=20)
    assert status(lambda: list(wrong))[0] is grpc.StatusCode.NOT_FOUND


def test_what_there_is(live: Live) -> None:
    service = live.pb.service
    listed = live.stub.ListObjects(service.ListObjectsRequest()).objects
    assert [(one.name, one.kind) for one in listed] == [
        ("grid", service.OBJECT_KIND_ARRAY),
        ("one", service.OBJECT_KIND_CHARE),
        ("other", service.OBJECT_KIND_ARRAY),
        ("servers", service.OBJECT_KIND_GROUP),
    ]
    page = live.stub.ListObjects(service.ListObjectsRequest(page_size=1, prefix="o"))
    assert [one.name for one in page.objects] == ["one"] and page.next_page_token == "one"
    rest = live.stub.ListObjects(service.ListObjectsRequest(prefix="o", page_token=page.next_page_token))
    assert [one.name for one in rest.objects] == ["other"] and rest.next_page_token == ""
    grid = live.stub.GetObject(service.GetObjectRequest(target=service.Target(name="grid"))).object
    add = next(one for one in grid.methods if one.name == "add")
    assert (grid.description, grid.dimensions) == ("A cell of a grid.", 1)
    assert (add.description, add.returns) == ("Its index and more.", "int")
    assert [(p.name, p.type, p.optional, p.kind) for p in add.parameters] == [
        ("by", "int", False, service.PARAMETER_KIND_ORDINARY),
        ("times", "int", True, service.PARAMETER_KIND_ORDINARY),
        ("name", "str | None", True, service.PARAMETER_KIND_NAME_ONLY),
    ]
    assert "hidden" not in [one.name for one in grid.methods]


def test_health_and_reflection(live: Live, pb: SimpleNamespace) -> None:
    """What probes ask, and what grpcurl asks before it calls."""
    from google.protobuf import descriptor_pb2

    check = live.channel.unary_unary("/grpc.health.v1.Health/Check")
    response = pb.health.HealthCheckResponse
    for name in ("", "chariot.v1.ObjectService", "grpc.health.v1.Health"):
        said = response.FromString(check(pb.health.HealthCheckRequest(service=name).SerializeToString()))
        assert said.status == response.SERVING
    wrong = pb.health.HealthCheckRequest(service="chariot.v1.No").SerializeToString()
    assert status(lambda: check(wrong))[0] is grpc.StatusCode.NOT_FOUND
    watching = live.channel.unary_stream("/grpc.health.v1.Health/Watch")(wrong)
    assert response.FromString(next(watching)).status == response.SERVICE_UNKNOWN
    watching.cancel()
    Request, Response = pb.reflection.ServerReflectionRequest, pb.reflection.ServerReflectionResponse
    questions = [
        Request(list_services=""),
        Request(file_containing_symbol="chariot.v1.ObjectService.Call"),
        Request(file_by_filename="chariot/v1/value.proto"),
        Request(file_containing_symbol="chariot.v1.Nothing"),
        Request(all_extension_numbers_of_type="chariot.v1.Value"),
    ]
    for version in ("v1", "v1alpha"):
        path = f"/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo"
        ask = live.channel.stream_stream(path, Request.SerializeToString, Response.FromString)
        services, service, value, nothing, extensions = ask(iter(questions), timeout=20)
        assert [one.name for one in services.list_services_response.service] == [
            "chariot.v1.ObjectService", "grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"
        ]  # fmt: skip
        (file,) = service.file_descriptor_response.file_descriptor_proto
        described = descriptor_pb2.FileDescriptorProto.FromString(file)
        assert described.name == "chariot/v1/object_service.proto" and described.dependency == ["chariot/v1/value.proto"]
        (file,) = value.file_descriptor_response.file_descriptor_proto
        assert descriptor_pb2.FileDescriptorProto.FromString(file).package == "chariot.v1"
        assert (nothing.error_response.error_code, extensions.error_response.error_code) == (5, 12)
        assert nothing.original_request == questions[3]


def say(live: Live, target: tuple[Any, ...], method: str, values: Any, *args: Any, **named: Any) -> Any:
    service = live.pb.service
    channel = service.ChannelTarget(
        target=service.Target(name=target[0], index=target[1:]), method=method, arguments=live.arguments(*args, **named)
    )

    def requests() -> Iterator[Any]:
        yield service.OpenChannelRequest(target=channel)
        for value in values:
            yield service.OpenChannelRequest(value=live.value(value))

    return live.stub.OpenChannel(requests(), timeout=30, metadata=live.metadata)


def test_channels_go_both_ways(live: Live) -> None:
    for cell in (("one",), ("grid", 0), ("grid", 4)):
        answers = say(live, cell, "chat", [1, "ab", 2.5, b"c"])
        got = [one.value for one in answers]
        assert [got[0].integer, got[1].text, got[2].real, got[3].data] == [2, "abab", 5.0, b"cc"]
    assert [one.value.integer for one in say(live, ("one",), "chat", range(500), times=3)] == [3 * i for i in range(500)]
    pairs = [one.value.tuple.items for one in say(live, ("grid", 1), "chat_too", [7, 8])]
    assert [[one.integer for one in pair] for pair in pairs] == [[7, 7], [8, 8]]
    assert list(say(live, ("one",), "chat", [])) == []
    described = live.stub.GetObject(live.pb.service.GetObjectRequest(target=live.pb.service.Target(name="one"))).object
    chat = next(one for one in described.methods if one.name == "chat")
    assert chat.channel and [one.name for one in chat.parameters] == ["times"]
    assert next(one for one in described.methods if one.name == "chat_too").channel
    assert not next(one for one in described.methods if one.name == "add").channel


def test_a_channel_outlives_its_method(live: Live) -> None:
    with_nothing_to_say: queue.SimpleQueue[Any] = queue.SimpleQueue()
    answers = say(live, ("grid", 3), "keep", iter(with_nothing_to_say.get, None))
    assert next(answers).value.text == "hello"
    for i in range(3):
        live.call(("grid", 3), "tell", i)
        assert next(answers).value.integer == i
    live.call(("grid", 3), "tell", live.pb.value.Value(null=live.pb.value.Null()))
    assert list(answers) == []
    with_nothing_to_say.put(None)


def test_what_ends_a_channel(live: Live) -> None:
    C, one = grpc.StatusCode, ("one",)
    rows: list[tuple[Any, grpc.StatusCode, str]] = [
        (say(live, one, "add", [], 1), C.INVALID_ARGUMENT, "one.add takes no channel"),
        (say(live, one, "hidden", []), C.PERMISSION_DENIED, "exposes no method"),
        (say(live, ("grid",), "chat", []), C.INVALID_ARGUMENT, "a collection"),
        (say(live, one, "chat", [], "a"), C.INVALID_ARGUMENT, "'times' is to be int"),
        (say(live, one, "chat", [live.pb.value.Value()]), C.INVALID_ARGUMENT, "without a kind"),
        (say(live, one, "chat", [1, live.pb.value.Value(null=live.pb.value.Null())]), C.ABORTED, "one.chat: TypeError"),
        (live.stub.OpenChannel(iter([])), C.INVALID_ARGUMENT, "no request"),
        (live.stub.OpenChannel(iter([live.pb.service.OpenChannelRequest()])), C.INVALID_ARGUMENT, "its target"),
    ]
    for answers, code, text in rows:
        got = status(lambda answers=answers: list(answers))
        assert got[0] is code and text in got[1], (got, code, text)
    assert status(lambda: live.call(one, "chat", 1)) == (C.INVALID_ARGUMENT, "one.chat takes a channel: call it by OpenChannel")
    before, got = say(live, ("grid", 4), "count", [], 100, 10, True), []
    code, text = status(lambda: got.extend(one.value.data for one in before))
    assert code is C.ABORTED and "LookupError: counted" in text
    assert sum(1 for _ in say(live, ("grid", 4), "count", [], 100, 10)) == 100


def wait_until(true: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end
        time.sleep(0.02)


@pytest.mark.parametrize("cell", [("grid", 4), ("grid", 0)])
def test_who_is_slow_holds_up_only_the_other_end(live: Live, cell: tuple[Any, ...]) -> None:
    def far() -> int:
        return int(live.call(cell, "how_far").tuple.items[0].integer)

    answers = say(live, cell, "count", [], 10000, 100_000)  # a GB, of which the client reads nothing
    next(answers)
    last = -1
    while (now := far()) != last:
        last = now
        time.sleep(0.3)
    assert last < 1000
    for _ in range(500):
        next(answers)
    answers.cancel()  # and the coroutine ends with an error that nobody hears
    sent = 0

    def values() -> Iterator[Any]:
        nonlocal sent
        for _ in range(300):
            sent += 1
            yield b"x" * 1_000_000

    answers = say(live, cell, "hear", values(), 1.0)
    time.sleep(0.5)
    assert sent < 100
    assert list(answers) == [] and sent == 300
    assert live.call(cell, "how_far").tuple.items[1].text == "said so"
    answers = say(live, cell, "hear", [1], 0.2)
    time.sleep(0.1)
    answers.cancel()
    wait_until(lambda: live.call(cell, "how_far").tuple.items[1].text == "CancelledError")


def test_a_kept_channel_says_that_its_client_has_gone(live: Live) -> None:
    answers = say(live, ("grid", 3), "keep", iter(queue.SimpleQueue().get, None))
    assert next(answers).value.text == "hello"
    answers.cancel()
    texts: list[str] = []

    def tell() -> bool:
        try:
            live.call(("grid", 3), "tell", 1)
        except grpc.RpcError as error:
            texts.append(error.details() or "")
        return bool(texts)

    wait_until(tell)
    assert "Charm4PyError: <Channel to a foreign program>: the program at its other end has gone" in texts[0]


def begin(live: Live, cell: tuple[Any, ...], method: str, *args: Any, timeout: float = 60) -> Any:
    target = live.pb.service.Target(name=cell[0], index=cell[1:])
    request = live.pb.service.CallRequest(target=target, method=method, arguments=live.arguments(*args))
    return live.stub.Call.future(request, timeout=timeout)


def said(live: Live, cell: tuple[Any, ...], name: str) -> list[str]:
    lines = [one.text for one in live.call(cell, "said").list.items]
    return [line.removeprefix(name + " ") for line in lines if line.startswith(name + " ")]


@pytest.mark.parametrize("cell", [("grid", 0), ("grid", 4)])  # on the PE that does not serve, and on the one that does
def test_cancellation_reaches_the_method(live: Live, cell: tuple[Any, ...]) -> None:
    for method, then in (("linger", ["begins", "cancelled", "cleaned up"]), ("linger_async", ["begins", "cancelled"])):
        for timeout in (60.0, 0.3):
            name = f"{method} {cell} {timeout}"
            call = begin(live, cell, method, name, timeout=timeout)
            wait_until(lambda name=name: said(live, cell, name))
            if timeout > 1:
                call.cancel()
            wait_until(lambda name=name, then=then: said(live, cell, name) == then)


@pytest.mark.parametrize("cell", [("grid", 0), ("grid", 4)])
def test_what_was_not_begun_is_dropped(live: Live, cell: tuple[Any, ...]) -> None:
    gated = begin(live, cell, "gated", f"gated {cell}")
    live.call(cell, "add", 1)
    gated.cancel()
    time.sleep(0.1)
    live.call(cell, "admit", f"gated {cell}")
    running = begin(live, cell, "busy", 0.7, f"first {cell}")
    time.sleep(0.2)
    queued = [begin(live, cell, "busy", 0.01, f"second {cell}") for _ in range(3)]
    last = begin(live, cell, "busy", 0.01, f"third {cell}")
    time.sleep(0.2)
    for call in (running, *queued):
        call.cancel()
    last.result()
    assert said(live, cell, f"first {cell}") == ["begins", "ends"]  # a plain method goes on
    assert said(live, cell, f"second {cell}") == []
    assert said(live, cell, f"third {cell}") == ["begins", "ends"]
    assert said(live, cell, f"gated {cell}") == []


def test_cancelled_broadcasts_reach_all_methods(live: Live) -> None:
    service = live.pb.service
    everything = {"target": service.Target(name="grid"), "method": "linger_async"}
    for i, call in enumerate((live.stub.Broadcast, live.stub.Reduce)):
        more = {"reducer": service.REDUCER_SUM} if i else {}
        request = (service.ReduceRequest if i else service.BroadcastRequest)(
            **everything, **more, arguments=live.arguments(f"all {i}")
        )
        future = call.future(request, timeout=60)
        wait_until(lambda i=i: len(said(live, ("grid", 0), f"all {i}") + said(live, ("grid", 4), f"all {i}")) == 5)
        future.cancel()
        wait_until(
            lambda i=i: (said(live, ("grid", 0), f"all {i}") + said(live, ("grid", 4), f"all {i}")).count("cancelled") == 5
        )


def test_each_failure_has_its_status(live: Live) -> None:
    C, one = grpc.StatusCode, ("one",)
    big = live.value(b"x" * (2 << 20))
    rows: list[tuple[Callable[[], object], grpc.StatusCode, str]] = [
        (lambda: live.call(("nobody",), "add", 1), C.NOT_FOUND, "no object is published under the name 'nobody'"),
        (lambda: live.call(("gone", 1), "add", 1), C.NOT_FOUND, "'gone'"),
        (lambda: live.call(("grid", 9), "add", 1), C.NOT_FOUND, "no element"),
        (lambda: live.call(("grid", 1, 1), "add", 1), C.INVALID_ARGUMENT, "an index of grid has 1 numbers, not 2"),
        (lambda: live.call(("grid",), "add", 1), C.INVALID_ARGUMENT, "a collection"),
        (lambda: live.call(one, "hidden"), C.PERMISSION_DENIED, "one exposes no method 'hidden'"),
        (lambda: live.call(one, "__init__"), C.PERMISSION_DENIED, "exposes no method"),
        (lambda: live.call(one, "add"), C.INVALID_ARGUMENT, "missing a required argument: 'by'"),
        (lambda: live.call(one, "add", 1, by=1), C.INVALID_ARGUMENT, "multiple values for argument 'by'"),
        (lambda: live.call(one, "add", 1, ret=1), C.INVALID_ARGUMENT, "'ret'"),
        (lambda: live.call(one, "add", "a"), C.INVALID_ARGUMENT, "argument 'by' is to be int, not str"),
        (lambda: live.call(one, "add", True), C.INVALID_ARGUMENT, "to be int, not bool"),
        (lambda: live.call(one, "fail", "no good"), C.ABORTED, "one.fail: LookupError: no good"),
        (lambda: live.call(one, "odd"), C.UNIMPLEMENTED, "only Python"),
        (lambda: live.call(one, "slow", 60.0, timeout=0.2), C.DEADLINE_EXCEEDED, ""),
        (lambda: live.call(one, "echo", big), C.RESOURCE_EXHAUSTED, ""),
        (lambda: live.call(one, "echo", live.pb.value.Value()), C.INVALID_ARGUMENT, "without a kind"),
    ]
    of_the_client = {C.DEADLINE_EXCEEDED, C.RESOURCE_EXHAUSTED}
    for call, code, text in rows:
        got = status(call)
        assert got[0] is code and text in got[1], (got, code, text)
        if code in of_the_client:
            continue
        error = object_error(live, call)
        name = error.type if code is C.ABORTED else "".join(part.capitalize() for part in code.name.split("_"))
        assert error.type == name and error.object in ("one", "grid", "nobody", "gone") and error.pe in (0, 1)
        assert error.method != "" and error.HasField("failure") == (code is C.ABORTED)


def object_error(live: Live, call: Callable[[], object]) -> Any:
    from google.rpc import status_pb2

    with pytest.raises(grpc.RpcError) as caught:
        call()
    trailer = dict(caught.value.trailing_metadata())["grpc-status-details-bin"]
    whole = status_pb2.Status.FromString(trailer)
    (detail,) = whole.details
    error = live.pb.service.ObjectError()
    assert detail.Unpack(error) and whole.message == caught.value.details()
    assert whole.code == caught.value.code().value[0]
    return error


def test_destroyed_objects_are_said_to_be(live: Live) -> None:
    live.call(("grid", 1), "make_one", "short-lived")
    assert live.call(("short-lived",), "get").integer == 7
    live.call(("grid", 1), "destroy_one")
    code, text = status(lambda: live.call(("short-lived",), "get"))
    assert code is grpc.StatusCode.FAILED_PRECONDITION and "destroyed" in text
    error = object_error(live, lambda: live.call(("short-lived",), "get"))
    assert (error.object, error.type, error.HasField("failure")) == ("short-lived", "FailedPrecondition", False)
    code, text = status(lambda: list(say(live, ("short-lived",), "listen", [])))
    assert code is grpc.StatusCode.FAILED_PRECONDITION and "destroyed" in text


def test_an_exception_is_told_in_full(live: Live) -> None:
    for cell, pe in (("one",), 1), (("grid", 0), 0):
        error = object_error(live, lambda cell=cell: live.call(cell, "fail", "no good"))
        assert (error.object, error.method, error.type, error.pe) == (cell[0], "fail", "LookupError", pe)
        assert (error.failure.type, error.failure.message, error.failure.pe) == ("LookupError", "no good", pe)
        assert error.failure.traceback == ""  # not asked for by charm.serve()


def test_garbage_and_pickles_are_refused(live: Live) -> None:
    """No field is read as a pickle: what comes back of bytes is bytes."""
    raw = live.channel.unary_unary("/chariot.v1.ObjectService/Call")
    for data in (b"\xff" * 40, b"\x0a\x05ab", os.urandom(200), pickle.dumps({"a": 1})):
        assert status(lambda data=data: raw(data, timeout=20))[0] is grpc.StatusCode.INVALID_ARGUMENT
    assert status(lambda: live.channel.unary_unary("/chariot.v1.ObjectService/No")(b""))[0] is grpc.StatusCode.UNIMPLEMENTED
    evil = pickle.dumps(os.getcwd)
    assert live.call(("one",), "echo", evil).data == evil
    assert live.call(("one",), "add", 1).integer == 4


def test_clients_that_vanish_harm_nothing(live: Live) -> None:
    request = live.pb.service.CallRequest(
        target=live.pb.service.Target(name="one"), method="slow", arguments=live.arguments(0.05)
    )
    for _ in range(20):
        calls = [live.stub.Call.future(request) for _ in range(20)]
        for call in calls:
            call.cancel()
    assert live.call(("one",), "add", 1).integer == 4


def make_certificate(directory: Path) -> tuple[str, str]:
    key, certificate = str(directory / "key.pem"), str(directory / "cert.pem")
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    command += ["-keyout", key, "-out", certificate, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


def test_tls_tokens_and_scopes(pb: SimpleNamespace, tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    clients = tmp_path / "clients"
    clients.write_text("web 0123456789abcdef one.add\nadmin fedcba9876543210 *\n")
    clients.chmod(0o600)
    keywords = {"address": "127.0.0.1:0", "clients": str(clients), "certificate": certificate, "key": key}
    (tmp_path / "job").mkdir()
    live = Live(pb, tmp_path / "job", keywords | {"max_rate": 200, "traces": True})
    root = Path(certificate).read_bytes()
    live.connect("0123456789abcdef", root)
    assert live.call(("one",), "add", 1).integer == 4
    code, text = status(lambda: live.call(("one",), "echo", 1))
    assert (code, text) == (grpc.StatusCode.PERMISSION_DENIED, "this client may not call one.echo")
    assert status(lambda: live.call(("grid", 1), "add", 1))[0] is grpc.StatusCode.PERMISSION_DENIED
    listed = live.stub.ListObjects(pb.service.ListObjectsRequest(), metadata=live.metadata).objects
    assert [one.name for one in listed] == ["one"]
    for token in (None, "wrong-wrong-wrong"):
        live.connect(token, root)
        assert live.channel.unary_unary("/grpc.health.v1.Health/Check")(b"") == b"\x08\x01"  # probes have no tokens
        assert status(lambda: live.call(("one",), "add", 1))[0] is grpc.StatusCode.UNAUTHENTICATED
    live.connect("fedcba9876543210")  # in plain text
    assert status(lambda: live.call(("one",), "add", 1))[0] is grpc.StatusCode.UNAVAILABLE
    live.connect("fedcba9876543210", root)
    error = object_error(live, lambda: live.call(("one",), "fail", "no good"))
    assert error.failure.traceback.startswith("Traceback") and "raise LookupError(text)" in error.failure.traceback
    codes = set()
    for _ in range(300):  # more than may be in a second, whatever the machine
        try:
            live.call(("one",), "add", 1)
        except grpc.RpcError as error:
            codes.add(error.code())
    assert codes <= {grpc.StatusCode.RESOURCE_EXHAUSTED}
    time.sleep(1.1)
    live.end()


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({"address": "127.0.0.1:0"}, "who may call?"),
        ({"address": "0.0.0.0:0", "anyone": True}, "plain text stays on this host"),
        ({"address": "here", "anyone": True}, "an address is HOST:PORT"),
        ({"address": "127.0.0.1:0", "anyone": True, "certificate": "x"}, "belong together"),
        ({"address": "127.0.0.1:0", "clients": "/nonexistent"}, "cannot read /nonexistent"),
        ({"address": "127.0.0.1:0", "anyone": True, "certificate": "/dev/null", "key": "/dev/null"}, "nothing in it"),
    ],
)
def test_wrong_services_are_refused_with_a_reason(tmp_path: Path, keywords: dict[str, Any], text: str) -> None:
    program = f"""
from chariot import charm
def main(args):
    try:
        charm.serve(**{keywords!r})
    except (ValueError, OSError) as e:
        print(e)
    charm.exit()
charm.start(main)
"""
    (tmp_path / "prog.py").write_text(program)
    said = Job([CHARIOT, "run", "prog.py"], tmp_path, 60).finish()
    assert said.status == 0 and text in said.stdout, said
