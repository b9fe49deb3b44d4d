"""Methods that foreign programs may call (@expose): how they are described, which arguments they take.

    class Grid(Chare):
        @expose
        def get(self, row: int, column: int = 0) -> float: ...
        @expose
        async def follow(self, channel: Channel, step: int = 1) -> None: ...  # is called with a channel
"""

from __future__ import annotations

import asyncio  # noqa: F401: its CancelledError is what cancelled calls get, and importing it then would take too long
import functools
import inspect
import types
import typing
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeVar, Union

from ._core import Channel

_KINDS = {
    inspect.Parameter.POSITIONAL_OR_KEYWORD: 1,
    inspect.Parameter.POSITIONAL_ONLY: 2,
    inspect.Parameter.KEYWORD_ONLY: 3,
    inspect.Parameter.VAR_POSITIONAL: 4,
    inspect.Parameter.VAR_KEYWORD: 5,
}


def _type_text(hint: object) -> str:
    if hint is inspect.Parameter.empty:
        return ""
    return hint if isinstance(hint, str) else inspect.formatannotation(hint)


def _takes_channel(parameters: list[inspect.Parameter]) -> bool:
    """Its first parameter is a Channel or, where nothing is said, is called so."""
    first = parameters[0] if parameters else None
    if first is None or first.kind not in (first.POSITIONAL_ONLY, first.POSITIONAL_OR_KEYWORD):
        return False
    if first.annotation is first.empty:
        return first.name == "channel"
    return first.annotation is Channel or first.annotation in ("Channel", "chariot.Channel")


def describe(function: Callable[..., Any]) -> tuple[str, str, list[tuple[str, str, int, bool]], bool]:
    """(description, type of the result, [(name, type, kind, optional)], whether it takes a channel) of a method, without
    self and the channel."""
    signature = inspect.signature(function)
    all_of_it = list(signature.parameters.values())[1:]
    channel = _takes_channel(all_of_it)
    parameters = [
        (each.name, _type_text(each.annotation), _KINDS[each.kind], each.default is not each.empty or each.kind in (2, 4))
        for each in all_of_it[channel:]
    ]
    return inspect.getdoc(function) or "", _type_text(signature.return_annotation), parameters, channel


class _Signature:
    """What is asked of a method's arguments, read once."""

    def __init__(self, function: Callable[..., Any], channel: bool) -> None:
        self.whole = inspect.signature(function)
        self.before = (None, None) if channel else (None,)
        try:
            self.hints = typing.get_type_hints(function)
        except Exception:  # of types that cannot be resolved (a name of another module), nothing is checked
            self.hints = {}
        behind = list(self.whole.parameters.values())[len(self.before) :]
        places = [each for each in behind if _KINDS[each.kind] in (1, 2)]
        self.by_place = [self.hints.get(each.name, Any) for each in places]
        self.least = sum(each.default is each.empty for each in places)
        if any(_KINDS[each.kind] == 3 and each.default is each.empty for each in behind):
            self.least = len(places) + 1  # some must be named


_signature = functools.cache(_Signature)


def _fits_all(values: Collection[object], hints: Sequence[object]) -> bool:
    return not hints or all(_fits(value, hints[0]) for value in values)


def _fits(value: object, hint: object) -> bool:
    """Whether the value is one of this type, as far as can be said: of what is not known here, every value is."""
    if hint is Any or isinstance(hint, TypeVar):
        return True
    if hint is None or hint is type(None):
        return value is None
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (Union, types.UnionType):
        return any(_fits(value, each) for each in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is typing.Annotated:
        return _fits(value, inner[0])
    if hint is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if hint is complex:
        return isinstance(value, (int, float, complex)) and not isinstance(value, bool)
    if hint is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin is tuple and isinstance(value, tuple):
        if len(inner) == 2 and inner[1] is ...:
            return _fits_all(value, inner)
        return len(value) == len(inner) and all(map(_fits, value, inner))
    if isinstance(origin, type) and issubclass(origin, Mapping) and isinstance(value, Mapping):
        return isinstance(value, origin) and _fits_all(list(value), inner[:1]) and _fits_all(list(value.values()), inner[1:])
    if isinstance(origin, type) and issubclass(origin, Collection) and isinstance(value, origin):
        return isinstance(value, (str, bytes)) or len(inner) > 1 or _fits_all(value, inner)
    kind = origin if isinstance(origin, type) else hint
    return isinstance(value, kind) if isinstance(kind, type) else True


def check(
    function: Callable[..., Any], args: tuple[object, ...], keywords: dict[str, object], channel: bool = False
) -> None:
    """Raises TypeError where the method's signature, or its type hints, do not take these arguments, behind a channel."""
    signature = _signature(function, channel)
    if not keywords and signature.least <= len(args) <= len(signature.by_place):
        if all(type(value) is hint or _fits(value, hint) for value, hint in zip(args, signature.by_place)):
            return
    hints, bound = signature.hints, signature.whole.bind(*signature.before, *args, **keywords)
    for name, value in list(bound.arguments.items())[len(signature.before) :]:
        kind = bound.signature.parameters[name].kind
        for each in value if kind == 2 else value.values() if kind == 4 else (value,):
            if not _fits(each, hints.get(name, Any)):
                raise TypeError(f"argument '{name}' is to be {_type_text(hints[name])}, not {type(each).__name__}")
