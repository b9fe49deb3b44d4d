"""Python's own values from and to chariot.v1.Value."""

from __future__ import annotations

from typing import Any

import numpy as np
from chariot.v1 import value_pb2 as pb
from numpy.typing import NDArray


def to_value(one: Any) -> pb.Value:
    """References, futures and failures stand for themselves: give them back as they came."""
    match one:
        case None:
            return pb.Value(null=pb.Null())
        case bool():
            return pb.Value(boolean=one)
        case int() if -(2**63) <= one < 2**63:
            return pb.Value(integer=one)
        case int():
            return pb.Value(big_integer=one.to_bytes(one.bit_length() // 8 + 1, "little", signed=True))
        case float():
            return pb.Value(real=one)
        case str():
            return pb.Value(text=one)
        case bytes():
            return pb.Value(data=one)
        case list():
            return pb.Value(list=pb.List(items=map(to_value, one)))
        case tuple():
            return pb.Value(tuple=pb.List(items=map(to_value, one)))
        case dict():
            entries = [pb.MapEntry(key=to_value(key), value=to_value(value)) for key, value in one.items()]
            return pb.Value(map=pb.Map(entries=entries))
        case np.ndarray():
            return pb.Value(array=to_array(one))
        case pb.Reference():
            return pb.Value(reference=one)
        case pb.Future():
            return pb.Value(future=one)
        case pb.Failure():
            return pb.Value(failure=one)
    raise TypeError(f"a {type(one).__name__} has no form as a Value")


def from_value(value: pb.Value) -> Any:
    match value.WhichOneof("kind"):
        case "null":
            return None
        case "big_integer":
            return int.from_bytes(value.big_integer, "little", signed=True)
        case "list":
            return [from_value(item) for item in value.list.items]
        case "tuple":
            return tuple(from_value(item) for item in value.tuple.items)
        case "map":
            return {from_value(entry.key): from_value(entry.value) for entry in value.map.entries}
        case "array":
            return from_array(value.array)
        case None:
            raise ValueError("a Value in which nothing is set")
        case kind:
            return getattr(value, kind)


def to_array(array: NDArray[Any]) -> pb.Array:
    fortran = array.flags.f_contiguous and not array.flags.c_contiguous
    return pb.Array(
        dtype=array.dtype.str,
        shape=array.shape,
        order=pb.ORDER_FORTRAN if fortran else pb.ORDER_C,
        data=array.tobytes("F" if fortran else "C"),
    )


def from_array(array: pb.Array) -> NDArray[Any]:
    """Of the bytes of the message, without a copy: it cannot be written to."""
    shape, dtype = tuple(array.shape), np.dtype(array.dtype)
    return np.ndarray(shape, dtype, array.data, order="F" if array.order == pb.ORDER_FORTRAN else "C")
