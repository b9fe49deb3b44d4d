"""The messages of chariot.v1, made from the descriptors that were built with the package (protos.pb).

They stand in a pool of their own, so a program may have code generated from the same protos beside them, whatever its
version.
"""

from __future__ import annotations

import functools
from importlib import resources
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_POOL = descriptor_pool.DescriptorPool()
for _file in descriptor_pb2.FileDescriptorSet.FromString(
    resources.files(__package__).joinpath("protos.pb").read_bytes()
).file:
    _POOL.AddSerializedFile(_file.SerializeToString())

SERVICE = "chariot.v1.ObjectService"


@functools.cache
def message(name: str) -> Any:
    """The class of this message of chariot.v1."""
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"chariot.v1.{name}"))


def numbers(name: str) -> dict[str, int]:
    """The names of this enum of chariot.v1, each with its number."""
    return {name: each.number for name, each in _POOL.FindEnumTypeByName(f"chariot.v1.{name}").values_by_name.items()}


Value = message("Value")
Array = message("Array")
Target = message("Target")
Reference = message("Reference")
Future = message("Future")
ObjectError = message("ObjectError")
