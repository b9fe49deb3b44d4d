"""The runtime as a chare: what charm.thisProxy can be asked for, on every PE.

The class takes the place of the runtime's own type in C, so its first two methods keep their numbers. What must happen
on all PEs in the same order, registering chare classes and reducers while the job runs, goes to PE 0 (at_root), which
broadcasts one step after the other: each PE checks, each PE gives it its number, each PE lets programs use it.
"""

from __future__ import annotations

import sys

from . import _core
from ._core import Array, Chare, Charm4PyError, Proxy, charm, coro

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol, TypeVar

    _F = TypeVar("_F", bound=Callable[..., Any])

    class _Coming(Protocol):
        """What is to be registered on this PE."""

        def check(self) -> None: ...
        def number(self) -> None: ...
        def open(self) -> None: ...


def at_root(method: _F) -> _F:
    """PE 0's element answers for all, whichever element or however many were called."""
    method.__chariot_at_root__ = True  # type: ignore[attr-defined]
    return method


def _namespace(module_name: str) -> dict[str, Any]:
    module = sys.modules.get(module_name)
    if module is not None:
        return module.__dict__
    raise Charm4PyError(
        f"there is no module {module_name!r} on PE {charm.myPe()}: it must be imported there first, "
        f"as by charm.start(main, modules=[{module_name!r}])"
    )


def _allow(what: str) -> None:
    if charm.options.remote_exec is not True:
        raise Charm4PyError(
            f"{what} was refused on PE {charm.myPe()}: code from elsewhere runs only where charm.options.remote_exec is "
            "True; set it at module level, before charm.start()"
        )


# ---------------------------------------------------------------- what is registered while the job runs


class _Classes:
    def __init__(self, classes: Sequence[type[Chare]]) -> None:
        self.classes = list(classes)

    def check(self) -> None:
        for chare_type in self.classes:
            _core._class_check(chare_type)

    def number(self) -> None:
        for chare_type in self.classes:
            _core._class_number(chare_type)

    def open(self) -> None:
        for chare_type in self.classes:
            _core._class_open(chare_type)


class _FromSource(_Classes):
    """A class that the source text defines, in __main__."""

    def __init__(self, name: str, source: str) -> None:
        _allow("registerNewChareType()")
        namespace = _namespace("__main__")
        exec(compile(source, f"<source of {name}>", "exec", dont_inherit=True), namespace)
        if name not in namespace:
            raise Charm4PyError(f"registerNewChareType({name!r}): the source does not define {name}")
        super().__init__([namespace[name]])


class _Reducer:
    def __init__(self, func: Callable[..., Any], pre: Any, post: Any) -> None:
        self.parts = (func, pre, post)

    def check(self) -> None:
        _core._reducer_check(*self.parts)

    def number(self) -> None:
        _core._reducer_number(*self.parts)

    def open(self) -> None:
        _core._reducer_open(self.parts[0].__name__)


class _Library:
    def __init__(self, path: str) -> None:
        self.path = path

    def check(self) -> None:
        from ._library import open_library

        self.library = open_library(self.path)

    def number(self) -> None:
        self.library._number()

    def open(self) -> None:
        self.library._open()


_KINDS: dict[str, Callable[..., _Coming]] = {
    "classes": _Classes,
    "source": _FromSource,
    "reducer": _Reducer,
    "library": _Library,
}


class Runtime(Chare):
    __chariot_first__ = ("exit", "myPe")  # CHARIOT_RUNTIME_EXIT, CHARIOT_RUNTIME_MY_PE

    def __init__(self) -> None:
        self._coming: dict[int, _Coming] = {}
        self._tickets = 0  # at the root

    @at_root
    def exit(self, exit_code: object = 0) -> None:
        """Ends the whole job with this status; what is no status is printed, once."""
        charm.exit(exit_code)

    def myPe(self) -> int:
        return charm.myPe()

    def printStats(self) -> None:
        """Prints where the time of this PE went."""
        charm.printStats()

    # ------------------------------------------------------------ code and data from elsewhere

    def updateGlobals(self, globals_dict: dict[str, Any], module_name: str = "__main__") -> None:
        """Sets global variables of a module; those that exist are overwritten."""
        if not isinstance(globals_dict, dict) or not all(isinstance(name, str) for name in globals_dict):
            raise TypeError("updateGlobals() takes a dict of names and values, as globals_dict")
        _namespace(module_name).update(globals_dict)

    @coro
    def exec(self, code: str, module_name: str = "__main__") -> None:
        """Executes code in a module; it may wait."""
        _allow("exec()")
        exec(compile(code, "<exec>", "exec", dont_inherit=True), _namespace(module_name))

    rexec = exec

    @coro
    def eval(self, expr: str, module_name: str = "__main__") -> Any:
        """The value of an expression in a module."""
        _allow("eval()")
        return eval(compile(expr, "<eval>", "eval", dont_inherit=True), _namespace(module_name))

    # ------------------------------------------------------------ collections on behalf of others

    def createArray(
        self,
        cls: type[Chare],
        dims: Any = None,
        ndims: int = -1,
        args: Sequence[Any] = (),
        map: Proxy | None = None,
        useAtSync: bool = False,
        cb: Callable[[Proxy], Any] | None = None,
    ) -> Proxy:
        """Creates an array from the PE that is called; returns its proxy, and gives it to cb too."""
        proxy = Array(cls, dims, ndims, args, map, useAtSync)
        if cb is not None:
            cb(proxy)
        return proxy

    def LBTurnInstrumentOn(self) -> None:
        charm.LBTurnInstrumentOn()

    def LBTurnInstrumentOff(self) -> None:
        charm.LBTurnInstrumentOff()

    # ------------------------------------------------------------ registering while the job runs

    @at_root
    @coro
    def registerNewChareType(self, name: str, source: str) -> None:
        """Executes source on every PE, in __main__, and registers the chare class `name` that it defines."""
        self._register("source", name, source)

    @at_root
    @coro
    def registerNewChareTypes(self, classes: Sequence[type[Chare]]) -> None:
        """Registers chare classes on every PE."""
        self._register("classes", classes)

    @at_root
    @coro
    def addReducer(self, func: Callable[[list[Any]], Any], pre: Any = None, post: Any = None) -> None:
        """Reducer.addReducer(func, pre, post) on every PE."""
        self._register("reducer", func, pre, post)

    @at_root
    @coro
    def loadLibrary(self, path: str) -> None:
        """charm.load(path) on every PE."""
        self._register("library", path)

    def _register(self, kind: str, *args: Any) -> None:
        """At the root, in a coroutine. Broadcasts of one PE arrive everywhere in one order, so numbers agree."""
        self._tickets += 1
        ticket = self._tickets
        everywhere = charm.thisProxy
        try:
            everywhere._prepare(ticket, kind, args, awaitable=True).get()
        except BaseException:
            everywhere._forget(ticket)
            raise
        everywhere._number(ticket, awaitable=True).get()
        everywhere._open(ticket, awaitable=True).get()

    def _prepare(self, ticket: int, kind: str, args: tuple[Any, ...]) -> None:
        coming = _KINDS[kind](*args)
        coming.check()
        self._coming[ticket] = coming

    def _forget(self, ticket: int) -> None:
        self._coming.pop(ticket, None)

    def _number(self, ticket: int) -> None:
        self._coming[ticket].number()

    def _open(self, ticket: int) -> None:
        self._coming.pop(ticket).open()
