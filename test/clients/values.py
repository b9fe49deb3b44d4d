"""Values that clients must give back equal: the edges of every type, and what hypothesis makes of them.

Equal means: as chariot.v1.Value says it, whichever of its forms is used. NaN stays NaN, -0.0 keeps its sign, an array its
dtype, shape and elements in whatever order they are sent.
"""

from __future__ import annotations

import io
import os
import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from google.protobuf import proto
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chariot_client._protos import Value, numbers

ORDER = numbers("Order")
DEPTH = 32  # Values inside one another that value.proto allows
EXAMPLES = os.environ.get("CHARIOT_CLIENT_EXAMPLES")  # runs of a client, each with up to 60 values; not said: few, always the same
DTYPES = "|b1 |i1 |u1 <i2 >i2 <u4 <i8 >u8 <f2 <f4 >f4 <f8 >f8 <f16 <c8 <c16 |S3 <U2 >U2 |V5 <M8[ns] <m8[10us] >M8[D]".split()

# ---------------------------------------------------------------- files of Values, each behind its length


def pack(values: list[Any]) -> bytes:
    out = io.BytesIO()
    for value in values:
        proto.serialize_length_prefixed(value, out)
    return out.getvalue()


def unpack(data: bytes) -> list[Any]:
    stream = io.BytesIO(data)
    return list(iter(lambda: proto.parse_length_prefixed(Value, stream), None))


# ---------------------------------------------------------------- making Values


def integer(number: int) -> Any:
    if -(2**63) <= number < 2**63:
        return Value(integer=number)
    return Value(big_integer=number.to_bytes(number.bit_length() // 8 + 1, "little", signed=True))


def array(of: np.ndarray[Any, Any], fortran: bool = False) -> Any:
    order = ORDER["ORDER_FORTRAN"] if fortran else ORDER["ORDER_C"]
    data = of.tobytes("F" if fortran else "C")
    return Value(array={"dtype": of.dtype.str, "shape": of.shape, "order": order, "data": data})


def sequence(kind: str, items: list[Any]) -> Any:
    value = Value()
    getattr(value, kind).SetInParent()
    getattr(value, kind).items.extend(items)
    return value


def mapping(entries: list[tuple[Any, Any]]) -> Any:
    value = Value()
    value.map.SetInParent()
    for key, one in entries:
        value.map.entries.add(key=key, value=one)
    return value


def null() -> Any:
    value = Value()
    value.null.SetInParent()
    return value


def nested(wrap: Callable[[Any], Any]) -> Any:
    value = null()
    for _ in range(DEPTH - 1):
        value = wrap(value)
    return value


def edges(has_tuples: bool) -> Iterator[Any]:
    yield null()
    yield from (Value(boolean=one) for one in (False, True))
    for bits in (7, 8, 15, 16, 31, 32, 53, 62, 63, 64, 65, 127, 128, 255, 256, 4000):
        yield from (integer(sign * 2**bits + by) for sign in (1, -1) for by in (-1, 0, 1))
    yield integer(0)
    reals = (0.0, -0.0, 1.0, -1.5, 2.0**53, 2.0**63, 1e300, 5e-324, 1.7976931348623157e308)
    yield from (Value(real=one) for one in (*reals, float("inf"), float("-inf"), float("nan")))
    for text in ("", "a", "\0", "a\0b", "ä€", "𝄞", "🧑‍🚀" * 20, "\u2028\ufeff\uffff", "\U0010ffff", "x" * 70000):
        yield Value(text=text)
    yield from (Value(data=one) for one in (b"", b"\0", bytes(range(256)), b"\xff" * 70000, b"\x80\x04N."))
    for kind in ("list", "tuple"):
        yield sequence(kind, [])
        yield sequence(kind, [integer(1), Value(real=1.0), Value(boolean=True), null(), Value(text="1"), Value(data=b"1")])
        yield sequence(kind, [sequence("tuple", []), sequence("list", []), mapping([])])
    yield mapping([])
    yield mapping([(integer(2), Value(text="two")), (Value(text="2"), null()), (Value(data=b"2"), Value(real=-0.0))])
    yield mapping([(Value(text=text), integer(i)) for i, text in enumerate(("b", "a", "", "__proto__", "10", "9", "ä"))])
    yield mapping([(key, integer(1)) for key in (null(), Value(boolean=True), integer(2**63), integer(-(2**70)), Value(real=0.5))])
    if has_tuples:  # a list is no key in Python
        yield mapping([(sequence("tuple", [integer(1), Value(text="x")]), mapping([]))])
    yield nested(lambda inner: sequence("list", [inner]))
    yield nested(lambda inner: mapping([(integer(1), inner)]))
    yield from edges_of_arrays()


def edges_of_arrays() -> Iterator[Any]:
    for dtype in DTYPES:
        yield array(np.zeros((), dtype))
        yield array(np.zeros((), dtype), fortran=True)
        yield array(np.zeros((0,), dtype))
        yield array(np.zeros((3, 0, 2), dtype))
        yield array(np.frombuffer(bytes(6 * np.dtype(dtype).itemsize), dtype).reshape(2, 3))
    doubles = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e308, 2.0**63])
    yield array(doubles)
    yield array(doubles.reshape(2, 2, 2), fortran=True)
    yield array(np.array(-0.0))
    yield array(np.array(7, "<i8"))
    yield array(np.arange(24, dtype=">i4").reshape(2, 3, 4), fortran=True)
    yield array(np.zeros((1,) * 32, "|u1"))
    yield array(np.array([2**63 - 1, -(2**63)], "<i8"))
    yield array(np.array([2**64 - 1], "<u8"))
    yield array(np.array(["𝄞", ""], "<U1"))
    yield array(np.zeros(20000))


# ---------------------------------------------------------------- what hypothesis makes

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
INTEGERS = st.one_of(st.integers(), st.integers(-(2**200), 2**200), st.sampled_from([2**63, -(2**63) - 1, 2**53 + 1]))
REALS = st.floats(allow_nan=True, allow_infinity=True)


@st.composite
def arrays(draw: st.DrawFn) -> Any:
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    shape = draw(st.lists(st.integers(0, 3), max_size=4))
    count = int(np.prod(shape, dtype=int))
    data = draw(st.binary(min_size=count * dtype.itemsize, max_size=count * dtype.itemsize))
    order = draw(st.sampled_from(["ORDER_C", "ORDER_FORTRAN", "ORDER_UNSPECIFIED"]))
    return Value(array={"dtype": dtype.str, "shape": shape, "order": ORDER[order], "data": data})


# What the job, which is Python, can take as a key; two that are equal there (1, 1.0, True) are refused.
KEYS = st.one_of(st.none(), st.booleans(), INTEGERS, REALS.filter(lambda one: one == one), TEXTS, st.binary(max_size=9))
PLAIN = st.one_of(KEYS, REALS, st.binary(max_size=300))


def plain(one: Any) -> Any:
    if one is None:
        return null()
    if isinstance(one, int) and not isinstance(one, bool):
        return integer(one)
    return Value(**{{bool: "boolean", float: "real", str: "text", bytes: "data"}[type(one)]: one})


def containers(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    sequences = st.builds(sequence, st.sampled_from(["list", "tuple"]), st.lists(inner, max_size=5))
    maps = st.dictionaries(KEYS, inner, max_size=5)
    return sequences | maps.map(lambda entries: mapping([(plain(key), value) for key, value in entries.items()]))


VALUES = st.recursive(PLAIN.map(plain) | arrays(), containers, max_leaves=12)

# ---------------------------------------------------------------- comparing


def normal(value: Any, has_tuples: bool) -> Any:
    """A form that is equal for equal values, and can be shown."""
    kind = value.WhichOneof("kind")
    if kind == "real":
        return kind, "NaN" if value.real != value.real else struct.pack("<d", value.real).hex()
    if kind in ("integer", "big_integer"):
        return "integer", value.integer if kind == "integer" else int.from_bytes(value.big_integer, "little", signed=True)
    if kind in ("list", "tuple"):
        return kind if has_tuples else "list", [normal(one, has_tuples) for one in getattr(value, kind).items]
    if kind == "map":
        return kind, [(normal(one.key, has_tuples), normal(one.value, has_tuples)) for one in value.map.entries]
    if kind == "array":
        return kind, normal_array(value.array)
    return kind, None if kind in (None, "null") else getattr(value, kind)


def normal_array(of: Any) -> Any:
    shape, size = list(of.shape), np.dtype(of.dtype).itemsize
    assert len(of.data) == int(np.prod(shape, dtype=int)) * size, f"{len(of.data)} bytes of {of.dtype} for {shape}"
    elements = np.frombuffer(of.data, f"|V{size}").reshape(shape, order="F" if of.order == ORDER["ORDER_FORTRAN"] else "C")
    return np.dtype(of.dtype).str, shape, elements.tobytes("C").hex()


def assert_equal(sent: list[Any], got: list[Any], has_tuples: bool) -> None:
    assert len(sent) == len(got)
    for one, back in zip(sent, got, strict=True):
        assert normal(back, has_tuples) == normal(one, has_tuples), f"sent {str(one)[:500]}, got {str(back)[:500]}"


def check(round_trip: Callable[[list[Any]], list[Any]], has_tuples: bool) -> None:
    """Every value must come back as it was sent."""
    fixed = list(edges(has_tuples))
    assert_equal(fixed, round_trip(fixed), has_tuples)

    @settings(
        max_examples=int(EXAMPLES or 5), derandomize=EXAMPLES is None, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(st.lists(VALUES, min_size=1, max_size=60))
    def comes_back(sent: list[Any]) -> None:
        assert_equal(sent, round_trip(sent), has_tuples)

    comes_back()
