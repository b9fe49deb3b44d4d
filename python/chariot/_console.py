"""The console of an interactive session: a main chare on PE 0 that runs what is typed, one statement after another.

Its coroutine waits for a line from _input.py, runs the statement in __main__, and shows what comes of it. Classes that are
chares, and imports, run on all PEs (Agent); errors that nobody receives come here from everywhere instead of ending the
job (Reports). charm.start(interactive=True) makes it the entry: prepare().
"""

import __future__

import ast
import atexit
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import CodeType, FrameType, ModuleType, TracebackType
from typing import Any

import chariot

from . import _cloudpickle, _core
from ._core import Chare, Charm4PyError, Future, Group, Proxy, charm, coro
from ._input import VARIABLE, Input, Terminal
from ._statements import INTERRUPT, Classes, Source, is_import

NAMES = ("charm", "Chare", "Group", "Array", "Reducer", "coro", "threaded", "Channel", "when", "Future")
AT_MOST_EVERY_S = 1.0  # error reports of one PE
IN_VAIN = "this statement waits for what nothing in the job will bring: everything else has come to rest; it was cancelled"


def _main() -> dict[str, Any]:
    return sys.modules["__main__"].__dict__


def future(num_vals: int = 1) -> Future[Any]:
    """A new future, also known as _f."""
    made = charm.Future(num_vals)
    _main()["_f"] = made
    return made


# ---------------------------------------------------------------- errors


def since_prompt(error: BaseException) -> TracebackType | None:
    """Its traceback from the statement on."""
    frames = error.__traceback__
    while frames is not None and not frames.tb_frame.f_code.co_filename.startswith("<prompt"):
        frames = frames.tb_next
    return frames


def error_text(error: BaseException, frames: TracebackType | None) -> str:
    """As Python prints it, but without our frames, and after what came with it from another PE."""
    report = traceback.TracebackException(type(error), error, frames)
    report.stack[:] = [frame for frame in report.stack if frame.filename != __file__]
    text = "".join(report.format())
    remote = getattr(error, "remote_stacktrace", None)
    if remote is None:
        return text
    return f"Remote traceback, PE {remote[0]}:\n{remote[1].rstrip()}\nraised again here:\n{text}"


class Reports:
    """Sends errors of this PE that nobody receives to the console, one per second, and how many were left out."""

    def __init__(self) -> None:
        self.console: Proxy | None = None
        self.next_s = 0.0
        self.left_out = 0

    def __call__(self, text: str) -> None:
        now_s = time.monotonic()
        if now_s < self.next_s:
            self.left_out += 1
            return
        self.next_s = now_s + AT_MOST_EVERY_S
        self.send(text)
        charm.scheduleCallableAfter(self.say_left_out, AT_MOST_EVERY_S)

    def say_left_out(self) -> None:
        if self.left_out > 0:
            self.send(f"PE {charm.myPe()}: {self.left_out} more errors within a second are not shown\n")
        self.left_out = 0

    def send(self, text: str) -> None:
        if self.console is None:
            sys.stderr.write(text)
        else:
            self.console._report(text)


reports = Reports()


# ---------------------------------------------------------------- the session on every PE


def run_node(source: Source, node: ast.stmt, flags: int, show: bool = True) -> list[str]:
    """show: the value of an expression. Gives the names of the chares that it has defined."""
    classes = Classes(node, _main())
    if show:
        code = compile(ast.Interactive([node]), source.name, "single", flags, dont_inherit=True)
    else:
        code = compile(ast.Module([node], []), source.name, "exec", flags, dont_inherit=True)
    exec(code, _main())
    return classes.chares(_main())


def share_chares(names: Iterable[str]) -> list[type[Chare]]:
    """From now on these classes of __main__ go by name, since every PE has them."""
    classes = [_main()[name] for name in names]
    for name, chare in zip(names, classes):
        _cloudpickle.share(name, chare)
    return classes


class Agent(Chare):
    """Runs on its PE what the console has run on its own."""

    def __init__(self, console: Proxy) -> None:
        reports.console = console

    def run(self, name: str, text: str, index: int, flags: int) -> None:
        """Statement number `index` of the source."""
        if self.thisIndex == 0:
            return
        source = Source(name, text)
        share_chares(run_node(source, source.nodes()[index], flags))


def everywhere(agents: Proxy, source: Source, index: int, flags: int) -> None:
    """Raises the first error that an agent met."""
    for outcome in agents.run(source.name, source.text, index, flags, ret=True).get():
        if isinstance(outcome, BaseException):
            raise outcome


# ---------------------------------------------------------------- the console


class Console(Chare):
    """`self` at the prompt."""

    entry: Callable[[list[str]], Any] | None = None  # the program's, to run before the prompt

    def __init__(self, args: list[str]) -> None:
        self._begin()
        with self._entering():
            if Console.entry is not None:
                Console.entry(args)

    def _begin(self) -> None:
        self._count = 0
        self._flags = 0  # of `from __future__ import`
        self._line: Future[str | None] | None = None
        self._task = 0  # the coroutine that runs a statement; 0: none does
        self._signals = 0  # Ctrl-C that no statement has got yet
        self._watched = self._rested = 0  # statements by number: is looked after; was seen waiting in a job at rest
        self._agents = Group(Agent, args=[self.thisProxy])
        _main()["self"] = self

    @contextmanager
    def _entering(self) -> Iterator[None]:
        """Around the entry, in the main chare's first slice: it may set readonlies. Then comes the prompt, also when it
        fails."""
        try:
            yield
        except SystemExit:
            raise
        except BaseException as error:
            self._report(error_text(error, error.__traceback__))
        self.thisProxy._session()

    @coro
    def _session(self) -> None:
        self._input = self._open_input()
        self._input.start()
        lines = self._input.lines()
        while (line := self._next_line(lines.waiting)) is not None:
            if line.endswith(INTERRUPT):
                lines.reset()
                self._report("KeyboardInterrupt\n")
                continue
            for text in lines.push(line):
                self.execute(text)
        for text in lines.end():
            self.execute(text)
        charm.exit(0)

    def _report(self, text: str) -> None:
        """An error, from any PE."""
        sys.stdout.flush()
        sys.stderr.write(text)
        sys.stderr.flush()

    # ------------------------------------------------------------ lines

    def _open_input(self) -> Input:
        if os.environ.pop(VARIABLE, "") == "cells":
            from ._cells import Cells

            signal.signal(signal.SIGINT, self._interrupt)
            return Cells(self)
        if not os.isatty(0):
            return Input(self)
        import rlcompleter

        self._greet()
        signal.signal(signal.SIGINT, self._interrupt)
        source = Terminal(self, rlcompleter.Completer(_main()).complete)
        atexit.register(source.close)
        return source

    def _greet(self) -> None:
        sys.ps1, sys.ps2 = ">>> ", "... "
        if charm.options.interactive.verbose < 1 or charm.options.quiet:
            return
        print("Chares defined here are known on all PEs. 'self' is this prompt's own chare. Ctrl-D ends the job.")

    def _next_line(self, in_statement: bool) -> str | None:
        sys.stdout.flush()
        self._line = charm.Future()
        self._input.ask(str(getattr(sys, "ps2" if in_statement else "ps1", "")))
        return self._line.get()

    def on_line(self, line: str | None) -> None:
        assert self._line is not None
        self._line.send(line)

    # ------------------------------------------------------------ statements

    def execute(self, text: str) -> None:
        """Runs statements, and shows the error that ends them. SystemExit goes on: it ends the job."""
        self._count += 1
        self._task = _core._task_now()
        try:
            self._run(Source(f"<prompt {self._count}>", text))
        except SystemExit:
            raise
        except BaseException as error:
            sys.last_type, sys.last_value, sys.last_traceback = type(error), error, error.__traceback__
            sys.stdout.flush()
            self._input.on_error(error_text(error, since_prompt(error)))
        finally:
            self._task = 0
            self._signals = 0

    def _run(self, source: Source) -> None:
        nodes = source.nodes()
        for index, node in enumerate(nodes):
            modules = set(sys.modules)
            names = run_node(source, node, self._flags, self._input.shows_all or node is nodes[-1])
            if isinstance(node, ast.ImportFrom) and node.module == "__future__":
                self._add_flags(node)
            if names or (is_import(node) and charm.options.interactive.broadcast_imports):
                everywhere(self._agents, source, index, self._flags)
            new = share_chares(names) + chares_imported(node, modules)
            if new:
                charm.thisProxy.registerNewChareTypes(new, awaitable=True).get()

    def _add_flags(self, node: ast.ImportFrom) -> None:
        for alias in node.names:
            self._flags |= getattr(__future__, alias.name).compiler_flag

    # ------------------------------------------------------------ Ctrl-C

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        """Wherever Python runs on this PE. A statement is interrupted at once; one that waits, by on_signal(); what keeps
        this PE from getting there, by a second Ctrl-C."""
        if self._task == 0:
            return
        self._signals += 1
        if self._task == _core._task_now() or self._signals > 1:
            self._signals = 0
            raise KeyboardInterrupt

    def on_signal(self) -> None:
        if self._task != 0 and self._signals > 0:
            self._signals = 0
            _core._task_throw(self._task, KeyboardInterrupt())

    # ------------------------------------------------------------ statements that wait in vain

    def on_slow(self) -> None:
        """Asks to be told when the job comes to rest. If a statement waits then, and again a while later, nothing will
        come."""
        if self._task != 0:
            self._watched = self._count
            charm.startQD(self.thisProxy._at_rest)

    def _at_rest(self) -> None:
        if self._watched != self._count or self._task == 0:
            return
        waits = _core._task_waits(self._task)
        if waits and self._rested == self._count:
            _core._task_throw(self._task, Charm4PyError(IN_VAIN))
        else:
            self._rested = self._count if waits else 0
            self._input.watch()


class AsyncConsole(Console):
    """The same where the program's entry is an async def."""

    async def __init__(self, args: list[str]) -> None:  # type: ignore[misc]
        self._begin()
        with self._entering():
            if Console.entry is not None:
                await Console.entry(args)


def chares_imported(node: ast.stmt, before: set[str]) -> list[type[Chare]]:
    """The chare classes of the modules that an import statement has brought."""
    if not is_import(node):
        return []
    names = set(sys.modules) - before
    if isinstance(node, ast.Import):
        names.update(alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module is not None:
        names.add(node.module)
    found = []
    for name in sorted(names):
        for value in list(vars(sys.modules.get(name)).values()) if isinstance(sys.modules.get(name), ModuleType) else []:
            if isinstance(value, type) and issubclass(value, Chare) and value.__module__ == name:
                found.append(value)
    return [chare for chare in found if chare.__module__.split(".")[0] not in ("chariot", "charm4py")]


# ---------------------------------------------------------------- start


def prepare(
    entry: Any, is_async: bool, classes: Iterable[type[Chare]] | None
) -> tuple[type[Chare], list[type[Chare]]]:
    """For charm.start(interactive=True), on every PE: what to start with in place of what the program gave."""
    if isinstance(entry, type):
        raise Charm4PyError("charm.start(interactive=True) takes a function as entry, which runs before the prompt, or none")
    console = AsyncConsole if is_async else Console
    Console.entry = staticmethod(entry) if entry is not None else None
    charm.options.remote_exec = True
    names = {name: getattr(chariot, name) for name in NAMES if hasattr(chariot, name)}
    for name, value in {**names, "future": future}.items():
        _main().setdefault(name, value)
    _cloudpickle.share_all(_main())
    _core._console_begin(reports)
    return console, [*(classes or ()), console, Agent]


def _read_module(name: str) -> tuple[CodeType, ModuleSpec]:
    """Of a package, its __main__."""
    spec = find_spec(name)
    if spec is not None and spec.submodule_search_locations is not None:
        name += ".__main__"
        spec = find_spec(name)
    get_code = getattr(spec.loader, "get_code", None) if spec is not None else None
    code = get_code(name) if get_code is not None else None
    if spec is None or code is None:
        raise SystemExit(f"chariot: there is no module {name} that could run")
    return code, spec


def _run_module(program: ModuleType) -> None:
    """sys.argv is -m, its name, and the program's own arguments."""
    del sys.argv[0]
    sys.path.insert(0, "")
    code, program.__spec__ = _read_module(sys.argv[0])
    program.__package__ = program.__spec__.parent
    program.__file__ = sys.argv[0] = program.__spec__.origin or sys.argv[0]
    exec(code, program.__dict__)


def _run_file(program: ModuleType) -> None:
    program.__file__ = sys.argv[0]
    sys.path.insert(0, os.path.dirname(os.path.realpath(sys.argv[0])))
    with open(sys.argv[0], "rb") as file:
        exec(compile(file.read(), sys.argv[0], "exec", dont_inherit=True), program.__dict__)


def main() -> None:
    """python -m chariot.interactive [program [arguments]]"""
    program = ModuleType("__main__")
    sys.modules["__main__"] = program
    if len(sys.argv) == 1:
        sys.path.insert(0, "")
    else:
        del sys.argv[0]
        (_run_module if sys.argv[0] == "-m" and len(sys.argv) > 1 else _run_file)(program)
    charm.start(interactive=True)
