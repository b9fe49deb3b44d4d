"""What a job tells of the objects that it has published."""

from __future__ import annotations

from typing import Any, NamedTuple

from ._protos import numbers

_KINDS = {number: name.removeprefix("OBJECT_KIND_").lower() for name, number in numbers("ObjectKind").items()}
_PARAMETER_KINDS = {number: name.removeprefix("PARAMETER_KIND_").lower() for name, number in numbers("ParameterKind").items()}
_MARKS = {"rest": "*", "named_rest": "**"}


class Parameter(NamedTuple):
    name: str
    type: str  # as in the job's source; empty: not said
    optional: bool
    kind: str  # "ordinary", "position_only", "name_only", "rest", "named_rest"

    def __str__(self) -> str:
        text = _MARKS.get(self.kind, "") + self.name + (f": {self.type}" if self.type else "")
        return f"{text} = ..." if self.optional and self.kind not in _MARKS else text


class Method(NamedTuple):
    name: str
    description: str
    parameters: tuple[Parameter, ...]
    returns: str  # empty: not said
    channel: bool  # it takes a channel: Method.channel()

    def __str__(self) -> str:
        returns = f" -> {self.returns}" if self.returns else ""
        return f"{self.name}({', '.join(map(str, self.parameters))}){returns}"


class Object(NamedTuple):
    name: str
    kind: str  # "chare", "group", "array", "section"
    type: str  # its class
    description: str
    dimensions: int  # of an array's index
    methods: tuple[Method, ...]  # of list(): none


def object_of(told: Any) -> Object:
    methods = tuple(
        Method(
            one.name,
            one.description,
            tuple(Parameter(p.name, p.type, p.optional, _PARAMETER_KINDS.get(p.kind, "")) for p in one.parameters),
            one.returns,
            one.channel,
        )
        for one in told.methods
    )
    return Object(told.name, _KINDS.get(told.kind, ""), told.type, told.description, told.dimensions, methods)
