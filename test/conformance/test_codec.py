"""The codec by itself: every kind of value to bytes and back, in one process, without a runtime."""

import array
import collections
import datetime
import decimal
import enum
import math
import re
import struct
import sys
import threading
import traceback
from collections.abc import Callable

import numpy as np
import pytest

from chariot import _core

encode, decode = _core._encode, _core._decode
PICKLE_TAG = b"\xd0"  # objects/value_format.h


def pickle_tag() -> int:
    return encode({1, 2})[0]


def is_plain(value: object) -> bool:
    """True where no pickle is involved at the top."""
    data = encode(value).lstrip(b"\xff")
    return data[0] != pickle_tag()


def round_trip(value: object, alone: bool = True) -> object:
    return decode(encode(value), alone)


def same(a: object, b: object) -> bool:
    """Equal in value and type all the way down; NaN equals NaN of the same bits."""
    if type(a) is not type(b):
        return False
    if isinstance(a, float):
        return struct.pack("<d", a) == struct.pack("<d", b)
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(same(x, y) for x, y in zip(a.items(), b.items()))
    if isinstance(a, np.ndarray):
        return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()
    return a == b


class Point:
    def __init__(self, x, y):
        self.x, self.y = x, y

    def __eq__(self, other):
        return (self.x, self.y) == (other.x, other.y)

    def __repr__(self):  # part of a test's name, which is to be the same in every process
        return f"Point({self.x}, {self.y})"


class Tagged(list):
    pass


class Count(int):
    pass


class Colour(enum.Enum):
    RED = 1


def module_function(x):
    return x + 1


# ---------------------------------------------------------------- plain values

PLAIN = [
    None, True, False,
    0, 1, -1, -32, -33, 63, 64, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 2**63 - 1, -(2**63),
    2**63, -(2**63) - 1, 2**64, 2**127, -(2**127), 10**400, -(10**400), 255 << 1000,
    0.0, -0.0, 1.5, math.inf, -math.inf, math.nan, struct.unpack("<d", b"\x01\0\0\0\0\0\xf8\xff")[0], 5e-324,
    "", "a", "x" * 31, "x" * 32, "x" * 100_000, "é", "ascii\0inside", "\U0001f600", "\ud800", "a\udfffb", "日本" * 1000,
    b"", b"\0", b"x" * 15, b"x" * 16, b"x" * 255, b"\xff" * 256, bytes(range(256)) * 1000,
    (), [], {}, (1,), [None], {"a": 1}, {1: 2, None: (), (1, "x"): [2.5]}, tuple(range(15)), tuple(range(16)),
    list(range(1000)), {i: str(i) for i in range(1000)}, [[[]]], [(), [], {}, "", b""], ((1, 2), (1, 2)),
]  # fmt: skip


@pytest.mark.parametrize("value", PLAIN, ids=lambda v: repr(v)[:30].encode("ascii", "replace").decode())
def test_plain_values_come_back_equal_and_of_the_same_type_without_pickle(value):
    assert is_plain(value)
    assert same(round_trip(value), value)
    assert same(round_trip(value, alone=False), value)


def test_order_of_a_dict_is_kept():
    value = {"z": 1, "a": 2, 3: 4}
    assert list(round_trip(value)) == ["z", "a", 3]


def test_containers_are_fresh_and_mutable():
    value = [1, {"a": []}]
    back = round_trip(value)
    back[1]["a"].append(2)
    assert value == [1, {"a": []}]


# ---------------------------------------------------------------- shape of object graphs


def test_a_list_that_holds_itself_comes_back_so():
    value = [1]
    value.append(value)
    back = round_trip(value)
    assert back[0] == 1 and back[1] is back


def test_a_dict_that_holds_itself_comes_back_so():
    value = {}
    value["me"] = (value,)
    back = round_trip(value)
    assert back["me"][0] is back


def test_a_tuple_that_holds_itself_through_a_list_comes_back_so():
    value = ([],)
    value[0].append(value)
    back = round_trip(value)
    assert back[0][0] is back


@pytest.mark.parametrize("inner", [[1], {"a": 1}, np.arange(3)], ids=["list", "dict", "array"])
def test_what_stands_in_two_places_is_one_object_at_the_other_end(inner):
    back = round_trip([inner, {"x": inner}])
    assert back[0] is back[1]["x"]


def test_a_list_shared_through_a_tuple_is_one_object():
    pair = ([1],)
    back = round_trip([pair, pair])
    assert back[0][0] is back[1][0]


def test_equal_but_distinct_lists_stay_distinct():
    back = round_trip([[1], [1]])
    assert back[0] is not back[1]


def test_many_shared_rows():
    rows = [[i] for i in range(1000)]
    back = round_trip([rows, list(rows)])
    assert back[0] == rows and all(a is b for a, b in zip(*back))


@pytest.mark.parametrize("depth", [1, 31, 32, 33, 34, 100, 180])
def test_nesting_of_any_reasonable_depth(depth):
    value = []
    for _ in range(depth):
        value = [value]
    back = round_trip(value)
    for _ in range(depth):
        (back,) = back
    assert back == []


def test_nesting_without_end_is_an_error_and_no_crash():
    value = []
    for _ in range(200_000):
        value = [value]
    with pytest.raises((TypeError, RecursionError)):
        encode(value)
    while value:
        value = value.pop()


# ---------------------------------------------------------------- other objects

OTHERS = [
    {1, 2}, pytest.param(frozenset("ab"), id="frozenset"), 1 + 2j, range(3), slice(1, 2), bytearray(b"abc"), bytearray(100_000), Point(1, [2, 3]),
    Tagged([1, 2]), Count(7), Colour.RED, decimal.Decimal("1.10"), datetime.date(2026, 1, 2), re.compile("a+"),
    collections.OrderedDict(a=1), collections.deque([1, 2]), collections.Counter("aab"), Ellipsis, NotImplemented,
    Point, module_function, len, math.sin, int, [Point(1, 2), 3], (1, {2}), {"p": Point(1, 2)}, memoryview, ValueError("x").args,
]  # fmt: skip


@pytest.mark.parametrize("value", OTHERS, ids=lambda v: repr(v)[:30])
def test_other_objects_are_pickled(value):
    back = round_trip(value)
    assert type(back) is type(value) and back == value


def test_attributes_of_a_list_subclass_are_kept():
    value = Tagged([1])
    value.name = "x"
    assert round_trip(value).name == "x"


def test_lambdas_closures_and_local_classes_go_by_cloudpickle():
    offset = 10

    class Local:
        def get(self):
            return offset

    assert round_trip(lambda x: x + offset)(1) == 11
    assert round_trip([Local()])[0].get() == 10
    assert round_trip({"f": lambda: 5})["f"]() == 5


def test_a_class_of_the_program_is_the_same_class_beside_a_lambda():
    program = sys.modules["__main__"]
    own = type("OfTheProgram", (), {"__module__": "__main__"})
    had_file = hasattr(program, "__file__")
    if not had_file:
        program.__file__ = "prog.py"
    program.OfTheProgram = own
    try:
        back = round_trip([own(), lambda: 1])
        assert type(back[0]) is own
    finally:
        del program.OfTheProgram
        if not had_file:
            del program.__file__


@pytest.mark.parametrize("value", [(i for i in [1]), [1, open], sys._getframe()], ids=["generator", "fine", "frame"])
def test_what_cannot_travel_is_a_type_error_that_names_the_type(value):
    if isinstance(value, list):
        assert round_trip(value)[1] is open
        return
    with pytest.raises(TypeError, match=f"a value of type {type(value).__name__} cannot be sent .*__reduce__") as info:
        encode(value)
    assert info.value.__cause__ is not None


def test_an_exception_from_reduce_is_the_cause():
    class Stubborn:
        def __reduce__(self):
            raise ZeroDivisionError("no")

    with pytest.raises(TypeError, match="Stubborn.*no"):
        encode(Stubborn())


def test_interrupts_during_pickling_pass():
    class Interrupted:
        def __reduce__(self):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encode(Interrupted())


def test_pickling_may_encode_other_values_meanwhile():
    class Nested:
        def __reduce__(self):
            return (bytes, (encode({1, 2}),))

    assert decode(round_trip(Nested())) == {1, 2}


# ---------------------------------------------------------------- numpy arrays

DTYPES = [
    "?", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f2", "f4", "f8", "g", "F", "D", "G", ">i2", ">i8", ">f4",
    ">f8", ">c16", "S1", "S7", "U1", "U9", ">U3", "V1", "V16", "M8[D]", "M8[ns]", ">M8[us]", "m8[s]", "M8[25s]", "M8",
    "l", "L", "q", "Q", "intp", "longlong",
    [("a", "i4"), ("b", "f8")], [("a", "u1"), ("b", ">f8", (2, 3)), ("c", "S5")], [("t", "M8[s]"), ("n", [("x", "?")])],
    np.dtype([("a", "u1"), ("b", "f8")], align=True),
    np.dtype({"names": ["a", "b"], "formats": ["i2", "f4"], "offsets": [4, 16], "itemsize": 32}),
    np.dtype([(("a title", "a"), "i4")]), np.dtype([("é", "i4"), ("it's", "f2")]),
]  # fmt: skip


def sample(dtype: object, shape: tuple) -> np.ndarray:
    dtype = np.dtype(dtype)
    size = math.prod(shape) * dtype.itemsize
    if dtype.kind == "U":  # only valid code points
        return np.array(["aé"[i % 2] * (i % 3) for i in range(math.prod(shape))], dtype).reshape(shape)
    data = np.random.default_rng(1).integers(0, 256, size, dtype=np.uint8)
    if dtype.kind == "b":
        data &= 1
    return np.frombuffer(data.tobytes(), dtype, count=math.prod(shape)).reshape(shape).copy()


def check_array(value: np.ndarray, plain: bool = True) -> np.ndarray:
    assert is_plain(value) == plain
    for alone in True, False:
        back = round_trip(value, alone)
        assert type(back) is np.ndarray
        assert back.shape == value.shape and back.dtype == value.dtype
        assert back.tobytes() == value.tobytes()
        assert back.flags.aligned and not np.shares_memory(back, value)
        assert back.flags.writeable or back.size == 0
    return back


@pytest.mark.parametrize("shape", [(), (0,), (1,), (3, 0, 2), (7,), (3, 4), (2, 3, 4), (1000, 3)], ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_arrays_of_any_dtype_and_shape(dtype, shape):
    check_array(sample(dtype, shape))


LAYOUTS = {
    "C": lambda a: a,
    "F": lambda a: np.asfortranarray(a),
    "transposed": lambda a: a.T,
    "axes": lambda a: a.transpose(1, 2, 0),
    "rows": lambda a: a[::2],
    "column": lambda a: a[:, 1],
    "inner column": lambda a: a[:, :, 2],
    "element": lambda a: a[1, 1, 1:2],
    "reversed": lambda a: a[::-1, :, ::-1],
    "negative": lambda a: a[:, ::-2],
    "broadcast": lambda a: np.broadcast_to(a[0, 0], (5, 4, a.shape[2])),
    "read-only": lambda a: (a.setflags(write=False), a)[1],
    "0-d": lambda a: a[1, 1, 1:2].reshape(()),
    "window": lambda a: np.lib.stride_tricks.sliding_window_view(a, 2, axis=2),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["u1", "f2", "f4", "f8", "D", "S3", ">i4", [("a", "u1"), ("b", "f8")]], ids=str)
@pytest.mark.parametrize("size", [5, 40])
def test_arrays_of_any_layout(layout, dtype, size):
    check_array(LAYOUTS[layout](sample(dtype, (size, 6, 7))))


def test_order_is_kept():
    fortran = round_trip(np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    assert fortran.flags.f_contiguous and not fortran.flags.c_contiguous
    large = round_trip(np.asfortranarray(np.arange(60000.0).reshape(200, 300)))
    assert large.flags.f_contiguous and not large.flags.c_contiguous
    assert round_trip(np.arange(6).reshape(2, 3)).flags.c_contiguous


def test_64_dimensions():
    value = np.arange(4.0).reshape((1,) * 31 + (2,) + (1,) * 31 + (2,)) if np.lib.NumpyVersion(np.__version__) >= "2.0.0b1" else np.arange(4.0)
    check_array(value)


@pytest.mark.parametrize("size", [0, 8, 4088, 4096, 4104, 1 << 20])
def test_large_arrays_are_views_that_keep_their_message(size):
    back = decode(encode(np.arange(size // 8)))
    is_view = not back.flags.owndata
    assert is_view == (size >= 4096)
    back[:] = 1
    assert back.sum() == size // 8


def test_nothing_is_a_view_where_others_read_the_message():
    assert decode(encode(np.zeros(100_000)), False).flags.owndata


def test_a_small_array_does_not_keep_a_large_message():
    small, _ = decode(encode([np.zeros(1000), b"x" * 1_000_000]))
    assert small.flags.owndata


def test_field_names_can_be_changed_without_harm_to_later_arrays():
    value = np.zeros(3, [("a", "i4")])
    round_trip(value).dtype.names = ("b",)
    assert round_trip(value).dtype.names == ("a",)


class Sub(np.ndarray):
    pass


PICKLED_ARRAYS = [
    np.array([1, "a", None], object),
    np.arange(3).view(Sub),
    np.ma.array([1, 2, 3], mask=[0, 1, 0]),
    np.rec.array([(1, 2.0)], [("a", "i4"), ("b", "f8")]),
    np.zeros(2, np.dtype((np.record, [("a", "i4")]))),
    np.zeros(2, {"names": ["a", "b"], "formats": ["i4", "u2"], "offsets": [0, 2]}),  # overlapping
    np.zeros(3, [("o", object), ("x", "f8")]),
    np.asfortranarray(np.arange(6).reshape(2, 3)).view(Sub),
]


@pytest.mark.parametrize("value", PICKLED_ARRAYS, ids=lambda v: f"{type(v).__name__}-{v.dtype}"[:40])
def test_arrays_that_have_no_plain_form_are_pickled(value):
    assert not is_plain(value)
    back = round_trip(value)
    assert type(back) is type(value) and back.dtype == value.dtype and back.dtype.type is value.dtype.type
    assert np.array_equal(back.tolist(), value.tolist())


@pytest.mark.skipif(not hasattr(np.dtypes, "StringDType"), reason="numpy 2 has it")
def test_extension_dtypes_are_pickled():
    value = np.array(["a", "long" * 20], np.dtypes.StringDType())
    assert (round_trip(value) == value).all()


SCALARS = [
    np.True_, np.int8(-3), np.uint64(2**64 - 1), np.float16(1.5), np.float32(0.1), np.float64(0.1), np.longdouble(1) / 3,
    np.complex64(1 + 2j), np.complex128(1 - 2j), np.str_("é"), np.bytes_(b"ab"), np.datetime64("2026-01-02"),
    np.timedelta64(5, "ms"), np.void(b"abc"),
    np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")])[0],
]  # fmt: skip


@pytest.mark.parametrize("value", SCALARS, ids=lambda v: type(v).__name__)
def test_numpy_scalars_keep_their_type_without_pickle(value):
    assert is_plain(value)
    back = round_trip(value)
    assert type(back) is type(value) and back.dtype == value.dtype and back == value


def test_an_array_of_no_dimensions_stays_an_array():
    back = round_trip(np.array(1.5))
    assert type(back) is np.ndarray and back.shape == () and back == 1.5
    back[()] = 2


def test_a_structured_scalar_does_not_refer_to_the_message():
    value = np.array([(1, 2.5)], [("a", "i4"), ("b", "f8")])[0]
    back = round_trip(value)
    back["a"] = 9
    assert value["a"] == 1 and back["a"] == 9


@pytest.mark.parametrize("code", "bBhHiIlLqQfdu")
def test_array_array_keeps_its_type(code):
    value = array.array(code, "abc" if code == "u" else [1, 2, 3])
    back = round_trip(value)
    assert type(back) is array.array and back.typecode == code and back == value
    back.append(back[0])
    assert round_trip([value, {"x": value}])[0] == value


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["?", "f8", ">i4", "M8[s]", "U3", [("a", "u1"), ("b", ">f8")], "O"], ids=str)
@pytest.mark.parametrize("wrap", [lambda a: Point(a, 0), lambda a: [a, lambda: 1]], ids=["pickle", "cloudpickle"])
def test_arrays_inside_pickles_keep_dtype_and_shape(layout, dtype, wrap):
    value = LAYOUTS[layout](sample(dtype, (20, 6, 7)) if dtype != "O" else np.full((20, 6, 7), None))
    back = round_trip(wrap(value))
    back = back.x if isinstance(back, Point) else back[0]
    assert type(back) is np.ndarray and back.dtype == value.dtype and back.shape == value.shape
    assert back.tolist() == value.tolist() and back.flags.writeable and back.flags.aligned
    assert back.flags.f_contiguous == value.flags.f_contiguous or not value.flags.forc


def test_a_broadcast_array_inside_a_pickle():
    value = np.broadcast_to(np.arange(3.0), (4, 3))
    assert round_trip(Point(value, 0)).x.tolist() == value.tolist()


def test_large_buffers_travel_beside_the_pickle():
    value = array.array("d", range(100_000))
    assert round_trip(value) == value
    holder = Point(np.arange(100_000.0), np.asfortranarray(np.ones((300, 300))))
    data = encode(holder)
    assert len(data) < 8 * 190_000 + 2000  # each once
    back = decode(data)
    assert (back.x == holder.x).all() and back.y.flags.f_contiguous
    back.x[0] = 5
    assert back.x.flags.aligned
    read_only = np.arange(1000.0)
    read_only.setflags(write=False)
    assert round_trip(Point(read_only, 0)).x.flags.writeable


# ---------------------------------------------------------------- arguments


def args_round_trip(args: tuple, keywords: dict = {}):  # noqa: B006
    return _core._decode_args(_core._encode_args(args, keywords))


@pytest.mark.parametrize(
    "args", [(), (1,), (1, "a", None), (Point(1, 2),), (Point(1, 2), 5), (Point(1, 2), [1]), ([1], {"a": Point(3, 4)})]
)
@pytest.mark.parametrize("keywords", [{}, {"k": 1}, {"k": Point(5, 6), "é": [2]}], ids=str)
def test_arguments(args, keywords):
    assert args_round_trip(args, keywords) == (args, keywords or None)


def test_no_arguments_are_no_message():
    assert _core._encode_args((), {}) == b""


@pytest.mark.parametrize("shared", [[1], {"a": 1}, np.arange(3), Point(1, 2)], ids=lambda v: type(v).__name__)
def test_what_two_arguments_share_they_share_at_the_other_end(shared):
    args, keywords = args_round_trip((shared, [shared]), {"k": shared})
    assert args[0] is args[1][0] and keywords["k"] is args[0]


def test_an_object_and_a_list_inside_it_as_arguments():
    inner = [1]
    args, _ = args_round_trip((Point(inner, 0), inner))
    assert args[0].x is args[1]


def test_arrays_as_arguments_need_no_pickle():
    data = _core._encode_args((np.arange(3), np.arange(4.0), 5), {})
    assert data.lstrip(b"\xff")[0] == encode([0, 0, 0])[0]


def test_a_failed_argument_names_its_type():
    with pytest.raises(TypeError, match="type generator"):
        _core._encode_args((1, (i for i in [])), {})


# ---------------------------------------------------------------- errors


def raised(exc: BaseException) -> BaseException:
    try:
        raise exc
    except BaseException as caught:  # noqa: BLE001
        return caught


class Own(Exception):
    def __init__(self, a, b):
        super().__init__(f"{a} and {b}")
        self.a = a


class Unloadable(Exception):
    def __init__(self, a, b):  # its args are one
        super().__init__(a)


class Textless(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_an_exception_comes_back_as_itself_with_its_origin():
    back = decode(encode(raised(ValueError("bad", 3))))
    assert type(back) is ValueError and back.args == ("bad", 3)
    pe, text = back.remote_stacktrace
    assert pe == 7 and "in raised" in text and text.rstrip().endswith("ValueError: ('bad', 3)")


def recursing(depth: int) -> None:
    if depth == 0:
        raise ValueError("deep")
    recursing(depth - 1)


def while_handling() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        raise KeyError("other")


def instead() -> None:
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        raise KeyError("other") from None


def with_a_note() -> None:
    exc = ValueError("noted")
    exc.add_note("a note")
    raise exc


def of_text(exc: BaseException) -> Callable[[], None]:
    def failing() -> None:
        raise exc

    return failing


@pytest.mark.parametrize(
    "failing",
    [
        lambda: recursing(0), lambda: recursing(1), lambda: recursing(9), lambda: 1 / 0, lambda: undefined, instead,
        while_handling, with_a_note, lambda: eval("1 +"), lambda: (1).imag_, of_text(ValueError()), of_text(Textless()),
        of_text(ValueError("two\nlines")), of_text(OSError(2, "no", "file")), of_text(ExceptionGroup("g", [KeyError(1)])),
    ],
)  # fmt: skip
def test_the_text_of_a_traceback_is_the_one_that_python_gives(failing):
    for _ in range(2):  # the second is put together from what the first left
        try:
            failing()
        except Exception as exc:
            expected = "".join(traceback.format_exception(exc))
            assert decode(encode(exc)).remote_stacktrace[1] == expected


def test_equal_code_of_two_files_has_tracebacks_of_its_own():
    for name in ("one.py", "two.py"):
        scope: dict = {}
        exec(compile("def fail():\n    raise ValueError('bad')\n", name, "exec"), scope)
        with pytest.raises(ValueError) as caught:
            scope["fail"]()
        assert name in decode(encode(caught.value)).remote_stacktrace[1]


@pytest.mark.parametrize("exc", [StopIteration(3), KeyError("k"), ExceptionGroup("g", [ValueError(1)]), OSError(2, "no", "f"),
                                 UnicodeDecodeError("utf-8", b"x", 0, 1, "bad"), ValueError({"a": [1, (2,)]}), SystemExit(3)])  # fmt: skip
def test_exceptions_of_builtins_come_back_as_they_were(exc):
    back = decode(encode(exc))
    assert type(back) is type(exc) and repr(back) == repr(exc) and str(back) == str(exc)


def test_attributes_and_notes_of_exceptions_are_kept():
    exc = raised(KeyError("x"))
    exc.detail = [1, 2]
    exc.add_note("a note")
    back = decode(encode(exc))
    assert back.detail == [1, 2] and back.__notes__ == ["a note"]


def test_a_local_exception_class_goes_by_cloudpickle():
    class Local(Exception):
        pass

    back = decode(encode(raised(Local("here"))))
    assert type(back).__name__ == "Local" and str(back) == "here"


class Slow(TimeoutError):
    def __init__(self, host, seconds):
        super().__init__(f"{host}: {seconds} s")


class NoRoute(ConnectionError):
    def __init__(self, host):
        super().__init__(f"no route to {host}")
        self.host = host


class NoFile(FileNotFoundError):
    def __init__(self, path, *, tried):
        super().__init__(2, "nothing there", path)
        self.tried = tried


class NoModule(ImportError):
    def __init__(self, name, hint):
        super().__init__(f"{name} is missing: {hint}", name=name, path="/p")


class OwnFilename(OSError):
    @property
    def filename(self):
        return self.args[1]


@pytest.mark.parametrize(
    "exc", [Slow("db", 3), NoRoute("db"), NoFile("/f", tried=2), NoModule("m", "get it"), OwnFilename(3, "mine")]
)
def test_exceptions_of_classes_that_derive_from_those_of_the_system_come_back_as_themselves(exc):
    back = decode(encode(raised(exc)))
    assert type(back) is type(exc) and back.args == exc.args and str(back) == str(exc)
    del back.remote_stacktrace
    assert vars(back) == vars(exc)
    for field in ("errno", "strerror", "filename", "msg", "name", "path"):
        assert getattr(back, field, None) == getattr(exc, field, None)


def test_exceptions_whose_constructors_take_something_else_come_back_as_themselves():
    back = decode(encode(raised(Unloadable("a", "b"))))
    assert type(back) is Unloadable and back.args == ("a",) and str(back) == "a"


def test_exceptions_of_the_programs_own_that_cannot_be_pickled_arrive_as_remote_errors():
    exc = raised(Unloadable("a", "b"))
    exc.lock = threading.Lock()
    back = decode(encode(exc))
    assert type(back) is _core.RemoteError and isinstance(back, _core.Charm4PyError)
    assert back.type_name == f"{__name__}.Unloadable" and back.text == "a"
    assert str(back) == f"{__name__}.Unloadable: a"
    assert back.remote_stacktrace[0] == 7 and "raised" in back.remote_stacktrace[1]


def test_exceptions_that_cannot_be_pickled_arrive_as_remote_errors():
    exc = raised(ValueError("bad"))
    exc.frame = sys._getframe()
    back = decode(encode(exc))
    assert type(back) is _core.RemoteError and back.type_name == "ValueError" and back.text == "bad"


@pytest.mark.parametrize("name", ["ValueErroX", "SystemExit", "print     "])
def test_the_name_of_a_builtin_exception_names_nothing_else(name):
    back = decode(encode(raised(ValueError("bad"))).replace(b"ValueError", name.encode()))
    assert type(back) is _core.RemoteError and back.type_name == name and back.text == "bad"


def test_an_exception_whose_text_raises():
    back = decode(encode(raised(Textless())))
    assert type(back) is Textless and back.remote_stacktrace[0] == 7


def test_an_exception_passed_on_keeps_the_pe_and_trace_of_its_origin():
    first = raised(ValueError("deep"))
    first.remote_stacktrace = (3, "Traceback of PE 3\n")
    pe, text = decode(encode(raised(first))).remote_stacktrace
    assert pe == 3 and text.startswith("Traceback of PE 3\n") and "passed on by PE 7" in text


def test_an_error_among_arguments_is_raised():
    error = encode(raised(ValueError("reduction failed")))
    with pytest.raises(ValueError, match="reduction failed"):
        _core._decode_args(encode([0])[:1].replace(b"\x91", b"\x91") + error)


# ---------------------------------------------------------------- malformed input

VALID = [
    encode(v)
    for v in (
        [1, "abc", b"x" * 300, {"k": (None, True, 2.5, 2**80)}],
        np.arange(12.0).reshape(3, 4),
        np.zeros(2, [("a", "i4"), ("b", "f8")]),
        np.float32(1),
        Point(np.arange(10), 2),
        raised(ValueError("x")),
    )
]


@pytest.mark.parametrize("data", VALID, ids=range(len(VALID)))
def test_every_cut_is_a_clean_error(data):
    for size in range(1, len(data)):
        with pytest.raises(ValueError, match="malformed message"):
            decode(data[:size])


def no_pickle(data: bytes) -> bool:
    """Flipping bits inside a pickle runs whatever the pickle then says: only peers of the same job send those."""
    return bytes([pickle_tag()]) not in data


@pytest.mark.parametrize("data", [d for d in VALID[:4] if no_pickle(d)], ids=lambda d: len(d))
def test_no_changed_byte_crashes(data):
    for place in range(len(data)):
        for value in (0, 1, 0x7F, 0x80, 0x90, 0xA0, 0xB0, 0xC9, 0xCC, 0xCE, 0xFF, data[place] ^ 1):
            changed = data[:place] + bytes([value]) + data[place + 1 :]
            if not no_pickle(changed):
                continue
            try:
                decode(changed)
            except (ValueError, MemoryError, _core.Charm4PyError):  # the last: a future, but no job runs
                pass


@pytest.mark.parametrize("dtype", ["|O", "O8", "|O8", "T", "f8,O", "nonsense", "", "[('a','|O')]", "[('a',", "[open]", "(2,)f8", "S0"])  # fmt: skip
def test_dtypes_that_would_be_wild_pointers_are_refused(dtype):
    data = encode(np.zeros(2))
    name = dtype.encode()
    at = data.index(b"\x03<f8")
    data = data[:at].lstrip(b"\xff") + bytes([len(name)]) + name + data[at + 4 :]
    with pytest.raises(ValueError, match="malformed message"):
        decode(data)


def test_a_shape_that_does_not_fit_its_data_is_refused():
    data = encode(np.zeros((3, 2), "u1"))
    at = data.index(b"\x03|u1") + 6
    for shape in (b"\x03\x03", b"\x04\x02", b"\x00\x02", b"\x02\x01"):
        with pytest.raises(ValueError, match="malformed message: an array's size"):
            decode(data[:at] + shape + data[at + 2 :])


def test_bytes_behind_the_value_are_refused():
    with pytest.raises(ValueError, match="behind the value"):
        decode(encode(1) + encode(2))


def test_nesting_beyond_the_limit_is_refused():
    with pytest.raises(ValueError, match="nested too deeply"):
        decode(encode([0])[:1] * 10_000 + encode(None))


def test_a_map_with_an_unhashable_key_is_refused():
    with pytest.raises(ValueError, match="malformed message"):
        decode(encode({1: 2})[:1] + encode([]) + encode(1))


def test_arguments_that_are_no_list_are_refused():
    for data in (encode(5), encode((1,)), encode([1]) + encode(2), encode([1]) + encode({}) + encode(1)):
        with pytest.raises(ValueError, match="malformed message"):
            _core._decode_args(data)


def test_no_references_leak():
    values = [Point(1, 2), np.arange(5000.0), [1, {"a": (2.5, "x")}], raised(ValueError("x")), np.float32(1), 2**100]
    for value in values:
        round_trip(value)
    before = [sys.getrefcount(v) for v in values]
    for value in values:
        for _ in range(200):
            round_trip(value)
    assert [sys.getrefcount(v) for v in values] == before
