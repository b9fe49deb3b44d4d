"""Conditions of @when and self.wait(): read and compiled once, called from C.

A condition becomes a function of the chare and of those parameters of the method that it names, so that no namespace is
built per message. `self.attr == param` is taken apart instead: such messages are found by their tag.
"""

from __future__ import annotations

import builtins
import warnings
from types import FunctionType, ModuleType

from ._core import Charm4PyError
from ._expose import bare

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import CodeType
    from typing import Any, TypeAlias, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])
    _Condition: TypeAlias = tuple[int, Any, tuple[str, ...], tuple[int | str, ...]]

# Kinds of condition, and where a parameter's value comes from if not from its place: as in condition.c.
SHARED, EACH, TAG = range(3)
SELF, ARGS, VAR_ARGS, VAR_KEYWORDS = -1, -2, -3, -4

_ONLY_AST = 0x400  # as ast.PyCF_ONLY_AST, without importing ast
_VAR_ARGS, _VAR_KEYWORDS, _GENERATOR = 0x04, 0x08, 0x20  # of code objects


def when(condition: str) -> Callable[[_F], _F]:
    """Delivers calls of a remote method only when the condition holds: an expression over self, the method's parameters
    and the module's globals. Calls that come too early wait at the chare; whenever one of its methods has run, the
    conditions are looked at again."""
    if not isinstance(condition, str):
        raise TypeError(f"@when takes a condition as a string, such as 'self.step == step', not {condition!r}")
    _parse(condition, f"@when({condition!r})")

    def decorate(function: _F) -> _F:
        if not callable(function):
            raise TypeError(f"@when decorates methods, not {type(function).__name__}")
        marked = bare(function)
        if hasattr(marked, "__chariot_when__"):
            raise Charm4PyError(f"{_name_of(function)} has two @when conditions: join them with `and`")
        marked.__chariot_when__ = condition
        return function

    return decorate


def _name_of(function: object) -> str:
    return str(getattr(function, "__qualname__", function))


def _parse(text: str, what: str) -> Any:
    try:
        tree: Any = compile(text.strip(), f"<{what}>", "eval", _ONLY_AST, dont_inherit=True)
    except (SyntaxError, ValueError) as error:
        raise Charm4PyError(f"{what} is no expression: {getattr(error, 'msg', error)}") from None
    return tree.body


def _walk(node: Any) -> Iterator[Any]:
    yield node
    for field in node._fields:
        value = getattr(node, field, None)
        for child in value if isinstance(value, list) else [value]:
            if hasattr(child, "_fields"):
                yield from _walk(child)


def _names(tree: Any) -> set[str]:
    """The names that an expression reads and does not bind itself."""
    read: set[str] = set()
    bound: set[str] = set()
    for node in _walk(tree):
        kind = type(node).__name__
        if kind == "Name":
            (read if type(node.ctx).__name__ == "Load" else bound).add(node.id)
        elif kind == "arg":
            bound.add(node.arg)
    return read - bound


def _compile(text: str, what: str, params: Sequence[str], namespace: dict[str, Any]) -> Any:
    code = compile(f"lambda {', '.join(params)}: (\n{text.strip()}\n)", f"<{what}>", "eval", 0, dont_inherit=True)
    function = eval(code, namespace)
    if function.__code__.co_flags & _GENERATOR:
        raise Charm4PyError(f"{what}: a condition cannot yield")
    return function


# ---------------------------------------------------------------- parameters


def _parameters(code: CodeType) -> dict[str, int | str]:
    """Where the values of a method's parameters come from, by name; its first is the chare."""
    names = code.co_varnames
    count, only = code.co_argcount, code.co_kwonlyargcount
    found: dict[str, int | str] = {name: place for place, name in enumerate(names[1:count])}
    found |= {name: name for name in names[count : count + only]}
    rest = list(names[count + only :])
    if code.co_flags & _VAR_ARGS:
        found[rest.pop(0)] = VAR_ARGS
    if code.co_flags & _VAR_KEYWORDS:
        found[rest.pop(0)] = VAR_KEYWORDS
    if count > 0:
        found.setdefault(names[0], SELF)
    return found


def _attributes(node: Any) -> tuple[str, ...] | None:
    """("a", "b") of self.a.b"""
    path: list[str] = []
    while type(node).__name__ == "Attribute":
        path.insert(0, node.attr)
        node = node.value
    return tuple(path) if path and type(node).__name__ == "Name" and node.id == "self" else None


def _place(node: Any, known: dict[str, int | str]) -> int | str | None:
    """Where the value of a parameter, or of args[2], comes from. None: it is something else."""
    kind = type(node).__name__
    if kind == "Name":
        place = known.get(node.id)
        return None if place in (None, SELF, ARGS, VAR_ARGS, VAR_KEYWORDS) else place
    if kind != "Subscript" or type(node.value).__name__ != "Name" or known.get(node.value.id) != ARGS:
        return None
    index = getattr(node.slice, "value", None)
    return index if type(index) is int and index in known.values() and index >= 0 else None


def _tag(tree: Any, known: dict[str, int | str]) -> tuple[tuple[str, ...], int | str] | None:
    """self.attr == param, either way round."""
    if type(tree).__name__ != "Compare" or len(tree.ops) != 1 or type(tree.ops[0]).__name__ != "Eq":
        return None
    for one, other in ((tree.left, tree.comparators[0]), (tree.comparators[0], tree.left)):
        path, place = _attributes(one), _place(other, known)
        if path is not None and place is not None:
            return path, place
    return None


# ---------------------------------------------------------------- the old form


def _names_attribute(tree: Any, known: dict[str, int | str], namespace: dict[str, Any]) -> bool:
    """@when('attr') of old: a name alone, and none that says something by itself. A parameter does, and a global that is
    a flag; a function, class or module, also of Python's own, is always true."""
    if type(tree).__name__ != "Name" or tree.id in known:
        return False
    if tree.id not in namespace and not hasattr(builtins, tree.id):
        return True
    value = namespace.get(tree.id, getattr(builtins, tree.id, None))
    return callable(value) or isinstance(value, ModuleType)


def _old_form(attribute: str, what: str, function: FunctionType, namespace: dict[str, Any]) -> _Condition:
    """self.attribute == first parameter."""
    code = function.__code__
    message = f"{what}: write @when('self.{attribute} == {code.co_varnames[1]}')"
    module = namespace.get("__name__", "?")
    warnings.warn_explicit(message, DeprecationWarning, code.co_filename, code.co_firstlineno, module)
    return TAG, None, (attribute,), (0,)


# ---------------------------------------------------------------- called from C


def read_when(text: str, what: str, function: Any, namespace: dict[str, Any]) -> _Condition:
    """kind, function, attributes that lead to the tag, where the function's further arguments come from.
    function: the method's; None: its parameters are not known."""
    tree = _parse(text, what)
    known: dict[str, int | str] = {"self": SELF, "args": ARGS}
    if isinstance(function, FunctionType):
        known |= _parameters(function.__code__)
        if function.__code__.co_argcount > 1 and _names_attribute(tree, known, namespace):
            return _old_form(tree.id, what, function, namespace)
    names = _names(tree)
    tag = _tag(tree, known)
    if tag is not None:
        return TAG, None, tag[0], (tag[1],)
    used = sorted((names & known.keys()) - {"self"})
    kind = EACH if any(known[name] != SELF for name in used) else SHARED
    return kind, _compile(text, what, ["self", *used], namespace), (), tuple(known[name] for name in used)


def read_wait(text: str, what: str, namespaces: Sequence[dict[str, Any]]) -> _Condition:
    """The same for self.wait(): names are those of the first module that has them all, else of the chare's own, where
    they may still come."""
    if not isinstance(text, str):
        raise TypeError(f"self.wait() takes a condition as a string, such as 'self.done', not {text!r}")
    names = _names(_parse(text, what)) - {"self"}
    having = (n for n in namespaces if all(name in n or hasattr(builtins, name) for name in names))
    return SHARED, _compile(text, what, ["self"], next(having, namespaces[0])), (), ()
