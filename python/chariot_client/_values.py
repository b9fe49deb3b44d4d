"""Python's values from and to chariot.v1.Value. What the job has made stands for itself as Proxy and Future."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._errors import RemoteError
from ._protos import Array, Value, numbers

_ORDER = numbers("Order")


class FromJob:
    """A reference or a future, which the job has given out: its field of Value, and its message."""

    kind = ""
    handle: Any = None


def to_value(one: Any) -> Any:
    value = Value()
    put_value(one, value)
    return value


def put_value(one: Any, value: Any) -> None:
    if one is None:
        value.null.SetInParent()
    elif isinstance(one, FromJob):
        _put_handle(one, value)
    elif isinstance(one, (bool, np.bool_)):
        value.boolean = bool(one)
    elif isinstance(one, (int, np.integer)):
        _put_integer(int(one), value)
    elif isinstance(one, (float, np.float16, np.float32)):
        value.real = float(one)
    elif isinstance(one, str):
        value.text = one
    elif isinstance(one, (bytes, bytearray, memoryview)):
        value.data = bytes(one)
    elif isinstance(one, (list, tuple)):
        _put_items(one, value)
    elif isinstance(one, Mapping):
        value.map.SetInParent()
        for key, item in one.items():
            entry = value.map.entries.add()
            put_value(key, entry.key)
            put_value(item, entry.value)
    elif isinstance(one, (np.ndarray, np.generic)):
        _put_array(np.asarray(one), value.array)
    else:
        raise TypeError(f"a {type(one).__name__} cannot be sent to a job: it takes null, numbers, text, bytes, lists, maps and arrays")


def _put_handle(one: FromJob, value: Any) -> None:
    if one.handle is None:
        raise TypeError(f"{one!r} cannot be sent to a job: only what it has returned itself can")
    getattr(value, one.kind).CopyFrom(one.handle)


def _put_integer(one: int, value: Any) -> None:
    if -(2**63) <= one < 2**63:
        value.integer = one
    else:
        value.big_integer = one.to_bytes(one.bit_length() // 8 + 1, "little", signed=True)


def _put_items(items: list[Any] | tuple[Any, ...], value: Any) -> None:
    into = value.list if isinstance(items, list) else value.tuple
    into.SetInParent()
    for item in items:
        put_value(item, into.items.add())


def _put_array(of: NDArray[Any], array: Array) -> None:
    if of.dtype.hasobject or of.dtype.fields is not None:
        raise TypeError(f"an array of {of.dtype} cannot be sent to a job: its elements are to be numbers, times or strings")
    fortran = of.flags.f_contiguous and not of.flags.c_contiguous
    array.dtype = of.dtype.str
    array.shape.extend(of.shape)
    array.order = _ORDER["ORDER_FORTRAN" if fortran else "ORDER_C"]
    array.data = of.tobytes("F" if fortran else "C")


def from_value(value: Any, made: Callable[[str, Any], Any]) -> Any:
    """made(kind, handle) makes the Proxy of a reference and the Future of a future."""
    kind = value.WhichOneof("kind")
    if kind is None:
        raise ValueError("the job has sent a Value in which nothing is set")
    if kind == "null":
        return None
    if kind == "big_integer":
        return int.from_bytes(value.big_integer, "little", signed=True)
    if kind == "list":
        return [from_value(item, made) for item in value.list.items]
    if kind == "tuple":
        return tuple(from_value(item, made) for item in value.tuple.items)
    if kind == "map":
        return {from_value(entry.key, made): from_value(entry.value, made) for entry in value.map.entries}
    if kind == "array":
        return _array_of(value.array)
    if kind == "failure":
        return RemoteError(value.failure)
    part = getattr(value, kind)
    return made(kind, part) if kind in ("reference", "future") else part


def _array_of(array: Any) -> NDArray[Any]:
    """A copy, so that it can be written to, and does not keep the message."""
    shape, dtype = tuple(array.shape), np.dtype(array.dtype)
    order: Any = "F" if array.order == _ORDER["ORDER_FORTRAN"] else "C"
    return np.ndarray(shape, dtype, array.data, order=order).copy(order)
