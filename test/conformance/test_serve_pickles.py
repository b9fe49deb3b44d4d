"""Issue 8, "Done when" 2: no byte of a client's reaches a pickle. Pickles go into every field of every request of every
method that a job serves; fields and methods are found in the protos, so that new ones are fed too. The pickles make a
directory when somebody opens them."""

from __future__ import annotations

import os
import pickle
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor, MethodDescriptor
from harness import CHARIOT, ROOT, Job

PROGRAM = """
from chariot import Array, Chare, charm, coro, expose

class Cell(Chare):
    @expose
    def echo(self, value):
        return value
    @expose
    @coro
    def chat(self, channel):
        while True:
            try:
                value = channel.recv()
            except Exception:
                return
            channel.send(value)
    @expose
    def quit(self):
        charm.exit()

def main(args):
    charm.publish("grid", Array(Cell, 2)).get()
    print("at", charm.serve("127.0.0.1:0", anyone=True), flush=True)

charm.start(main)
"""
SERVICES = {
    "chariot.v1.ObjectService": "chariot/v1/object_service.proto",
    "grpc.health.v1.Health": "grpc/health/v1/health.proto",
    "grpc.reflection.v1.ServerReflection": "grpc/reflection/v1/reflection.proto",
}
WHOLE = ("Broadcast", "Reduce")  # methods of all elements
TAG_PICKLE = 0xD0  # objects/value_format.h: how pickles of the job's own travel between its PEs


class Trap:
    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (str(self.marker),)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def field_of(number: int, data: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(data)) + data


def payloads(marker: Path) -> dict[str, bytes]:
    binary = pickle.dumps(Trap(marker), 5)
    encoded = bytes([TAG_PICKLE]) + varint(len(binary)) + varint(0) + binary
    return {"binary": binary, "text": pickle.dumps(Trap(marker), 0), "encoded": encoded, "arguments": b"\x91" + encoded}


class Protos:
    def __init__(self, directory: Path) -> None:
        out = directory / "protos"
        subprocess.run(["protoc", f"-I{ROOT}/rpc/proto", "--include_imports", f"-o{out}", *SERVICES.values()], check=True)
        self.pool = descriptor_pool.DescriptorPool()
        for file in descriptor_pb2.FileDescriptorSet.FromString(out.read_bytes()).file:
            self.pool.Add(file)

    def methods(self) -> Iterator[MethodDescriptor]:
        for service in SERVICES:
            yield from self.pool.FindServiceByName(service).methods

    def sound(self, kind: Descriptor, whole: bool, size: int) -> Any:
        """A message of that kind that a job takes, as far as it need be one; size: of an array's data."""
        message = message_factory.GetMessageClass(kind)()
        known: dict[str, dict[str, Any]] = {
            "Target": {"name": "grid", "index": [] if whole else [1]},
            "ChannelTarget": {"method": "chat"},
            "Value": {"integer": 1},
            "Array": {"dtype": "|u1", "shape": [size], "data": bytes(size)},
            "ReduceRequest": {"method": "echo", "reducer": 1},
        }
        for name, value in known.get(kind.name, {"method": "echo"} if "method" in kind.fields_by_name else {}).items():
            field = kind.fields_by_name[name]
            getattr(message, name).extend(value) if isinstance(value, list) else setattr(message, field.name, value)
        for field in kind.fields:  # what must be there
            if field.message_type is not None and field.message_type.name in ("Target", "ChannelTarget"):
                getattr(message, field.name).CopyFrom(self.sound(field.message_type, whole, size))
        return message

    def poisoned(self, kind: Descriptor, path: tuple[FieldDescriptor, ...], data: bytes, whole: bool) -> bytes:
        """The same with these bytes as the last field of the path."""
        field, *rest = path
        inner = self.poisoned(field.message_type, tuple(rest), data, whole) if rest else data
        if kind.GetOptions().map_entry:
            return (field_of(1, b"value") if field.number != 1 else b"") + field_of(field.number, inner)
        message = self.sound(kind, whole, len(data))
        for other in field.containing_oneof.fields if field.containing_oneof is not None else [field]:
            message.ClearField(other.name)
        return bytes(message.SerializeToString()) + field_of(field.number, inner)


def paths(kind: Descriptor) -> list[tuple[FieldDescriptor, ...]]:
    """Every field of every message that a message of this kind may hold, each by one of the shortest ways to it."""
    found: list[tuple[FieldDescriptor, ...]] = [()]
    seen = set()
    for path in found:  # grows
        inside = path[-1].message_type if path else kind
        if inside is not None and inside.full_name not in seen:
            seen.add(inside.full_name)
            found += [(*path, field) for field in inside.fields]
    return found[1:]


class Client:
    def __init__(self, address: str) -> None:
        self.channel = grpc.insecure_channel(address)

    def call(self, path: str, *messages: bytes, metadata: Any = ()) -> bytes | grpc.StatusCode:
        """The first response, or the status."""
        method = self.channel.stream_stream(path)
        responses = method(iter(messages), timeout=30, metadata=metadata)
        try:
            return bytes(next(responses))
        except StopIteration:
            return grpc.StatusCode.OK
        except grpc.RpcError as error:
            return error.code()
        finally:
            responses.cancel()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    directory = tmp_path_factory.mktemp("job")
    (directory / "prog.py").write_text(PROGRAM)
    job = Job([CHARIOT, "run", "-n", "2", "prog.py"], directory, 100)
    job.wait_for("at ")
    client = Client(next(line.split()[1] for line in job.out if line.startswith("at ")))
    yield client
    target = field_of(1, field_of(1, b"grid") + field_of(3, b"\x01"))
    client.call("/chariot.v1.ObjectService/Call", target + field_of(2, b"quit"))
    client.channel.close()
    said = job.finish()
    assert said.status == 0 and len(said.stderr.splitlines()) == 1, said  # the greeting


@pytest.fixture(scope="module")
def protos(tmp_path_factory: pytest.TempPathFactory) -> Protos:
    return Protos(tmp_path_factory.mktemp("protos"))


def test_the_trap_works(tmp_path: Path) -> None:
    for name, data in payloads(tmp_path / "marker").items():
        pickle.loads(data[data.index(b"\x80\x05") :] if name != "text" else data)
        (tmp_path / "marker").rmdir()


def test_every_field_is_fed(protos: Protos) -> None:
    fed = {field.full_name for method in protos.methods() for path in paths(method.input_type) for field in path}
    for name in ("Target.name", "Reference.handle", "Future.handle", "Array.dtype", "Array.data", "MapEntry.key", "Value.data"):
        assert f"chariot.v1.{name}" in fed
    assert "chariot.v1.Arguments.NamedEntry.key" in fed and "grpc.health.v1.HealthCheckRequest.service" in fed
    assert len(fed) > 50


def test_pickles_in_every_field_are_opened_by_nobody(client: Client, protos: Protos, tmp_path: Path) -> None:
    marker, fed, answered = tmp_path / "marker", 0, 0
    for method in protos.methods():
        name, kind, whole = f"/{method.containing_service.full_name}/{method.name}", method.input_type, method.name in WHOLE
        first = protos.sound(kind, whole, 0).SerializeToString()
        for data in payloads(marker).values():
            requests = [data, *(protos.poisoned(kind, path, data, whole) for path in paths(kind))]
            for request in requests:
                for messages in [(request,), (first, request)] if method.client_streaming else [(request,)]:
                    outcome = client.call(name, *messages)
                    assert outcome is not grpc.StatusCode.DEADLINE_EXCEEDED, (name, request)
                    assert outcome is not grpc.StatusCode.UNAVAILABLE, (name, request)
                    fed += 1
                    answered += isinstance(outcome, bytes)
        assert not marker.exists(), name
    assert fed > 500 and answered > 100  # some are calls like any other, whose values are no more than bytes


def test_pickles_as_elements_of_arrays(client: Client, protos: Protos, tmp_path: Path) -> None:
    """numpy's own form of arrays of objects is a pickle."""
    marker = tmp_path / "marker"
    request = protos.sound(protos.pool.FindMessageTypeByName("chariot.v1.CallRequest"), False, 0)
    for data in payloads(marker).values():
        for dtype in ("|O", "|O8", "O", f"|V{len(data)}", f"|S{len(data)}", "|O\0", "object"):
            sent = request.__class__()
            sent.CopyFrom(request)
            array = sent.arguments.positional.add().array
            array.dtype, array.data = dtype, data
            outcome = client.call("/chariot.v1.ObjectService/Call", sent.SerializeToString())
            assert isinstance(outcome, bytes) == (dtype[:2] in ("|V", "|S")), (dtype, outcome)
    assert not marker.exists()


def test_pickles_as_metadata(client: Client, tmp_path: Path) -> None:
    marker = tmp_path / "marker"
    for data in payloads(marker).values():
        line = pickle.dumps(Trap(marker), 0).decode().replace("\n", " ")
        metadata = [("authorization", f"Bearer {line}"), ("grpc-status-details-bin", data), ("anything-bin", data)]
        assert isinstance(client.call("/grpc.health.v1.Health/Check", b"", metadata=metadata), bytes)
        client.call("/chariot.v1.ObjectService/ListObjects", b"", metadata=metadata)
    assert not marker.exists()
