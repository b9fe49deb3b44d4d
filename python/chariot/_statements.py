"""Lines to statements, and what there is to know of a statement before it runs."""

import ast
import codeop
import linecache
import re
import warnings
from collections.abc import Iterator, Mapping

from ._core import Chare

_GOES_ON = re.compile(r"(elif|else|except|finally)\b")
INTERRUPT = "\x03"  # a line that ends with it was ended by Ctrl-C


class Lines:
    """Takes lines of a terminal: a block ends at an empty line, as in Python's own prompt."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    @property
    def waiting(self) -> bool:
        """In the midst of a statement."""
        return bool(self._lines)

    def reset(self) -> None:
        self._lines.clear()

    def push(self, line: str) -> Iterator[str]:
        """The statements, as source, that are complete now."""
        self._lines.append(line)
        if self._is_complete("\n".join(self._lines)):
            yield self._take()

    def end(self) -> Iterator[str]:
        """No more lines come."""
        if any(line.strip() for line in self._lines):
            yield self._take()

    def _take(self) -> str:
        source = "\n".join(self._lines) + "\n"
        self._lines.clear()
        return source

    def _is_complete(self, source: str) -> bool:
        return _compiles(source)


class ScriptLines(Lines):
    """Takes lines of a file: a block ends where the next statement begins, so it may have empty lines in it."""

    def push(self, line: str) -> Iterator[str]:
        if self._ends_before(line):
            yield self._take()
        if line.strip() or self._lines:
            yield from super().push(line)

    def _is_complete(self, source: str) -> bool:
        return _compiles(source.rstrip())  # without an empty line at its end a block may still go on

    def _ends_before(self, line: str) -> bool:
        begins = bool(line.strip()) and not line[0].isspace() and line[0] != "#" and not _GOES_ON.match(line)
        return begins and self.waiting and _compiles("\n".join(self._lines) + "\n")


def _compiles(source: str) -> bool:
    """False: more must come."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # running it warns
            return codeop.compile_command(source, "<prompt>", "single") is not None
    except (SyntaxError, ValueError, OverflowError):
        return True  # running it says what is wrong


class Source:
    """The text of one input, under a name that tracebacks find it by."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)

    def nodes(self) -> list[ast.stmt]:
        return ast.parse(self.text, self.name).body


def is_import(node: ast.stmt) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


class Classes:
    """The classes that a statement defines by name: looked at before it runs, and after."""

    def __init__(self, node: ast.stmt, names: Mapping[str, object]) -> None:
        defined = (part.name for part in ast.walk(node) if isinstance(part, ast.ClassDef))
        self._before = {name: names.get(name) for name in defined}

    def chares(self, names: Mapping[str, object]) -> list[str]:
        """Names of those that are chares now, and were not what they are now."""
        return [name for name, before in self._before.items() if _is_new_chare(names.get(name), before)]


def _is_new_chare(value: object, before: object) -> bool:
    return value is not before and isinstance(value, type) and issubclass(value, Chare)
