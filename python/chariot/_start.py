"""What charm.start() does once and slowly: takes the system options out of the arguments, prints the banner, has loops of
asyncio suspend their coroutine instead of blocking.

A system option is a word of the old launch line (+p, ++local, +balancer ...), or one that a program has appended to
sys.argv. Each known one is taken out, with a notice on PE 0 where it has no effect here; any other word, +5 too, is the
program's own.
"""

from __future__ import annotations

import gc
import os
import sys

from ._core import Charm4PyError, charm

TYPE_CHECKING = False  # typing's own would cost the start of every job its import
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any

    _Effect = Callable[[str], str | None]

_LAUNCHERS = "accepted, but it is the launcher's: give it to charmrun or chariot run"


def _quiet(_: str) -> None:
    charm.options.quiet = True


def _balancer(value: str) -> None:
    charm.options.lb.balancer = value


def _number(option: str, value: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise Charm4PyError(f"{option} takes a number, not {value!r}") from None


def _period(value: str) -> None:
    charm.options.lb.period = _number("+LBPeriod", value)


def _debug(value: str) -> None:
    charm.options.lb.debug = int(_number("+LBDebug", value))


def _comm_off(_: str) -> None:
    charm.options.lb.comm = False


def _obj_only(_: str) -> None:
    charm.options.lb.obj_only = True


def _off(_: str) -> None:
    charm.options.lb.off = True


def _interface(value: str) -> str:
    if value not in ("ctypes", "cffi", "cython"):
        raise Charm4PyError(f"+libcharm_interface takes ctypes, cffi or cython, not {value!r}")
    return "accepted, but there is one interface only"


def _launchers(_: str) -> str:
    return _LAUNCHERS


# name: (takes a value, what it does; what that returns is the notice)
_OPTIONS: dict[str, tuple[bool, _Effect]] = {
    "++quiet": (False, _quiet),
    "+balancer": (True, _balancer),
    "+LBPeriod": (True, _period),
    "+LBDebug": (True, _debug),
    "+LBCommOff": (False, _comm_off),
    "+LBObjOnly": (False, _obj_only),
    "+LBOff": (False, _off),
    "+libcharm_interface": (True, _interface),
}
_OPTIONS |= {
    name: (True, _launchers)
    for name in (
        "+p +n ++p ++n ++np ++ppn ++processPerHost ++remote-shell ++runscript ++timeout ++timelimit ++nodelist "
        "++nodegroup ++server-port ++server-auth"
    ).split()
}
_OPTIONS |= {
    name: (False, _launchers)
    for name in "++local ++interactive ++mpiexec ++verbose ++server ++debug ++debug-no-pause ++debug-no-xrdb".split()
}
_GLUED = ("+p", "+n", "++p", "++n", "++np")  # a number may be glued on: +p4


def _find(word: str) -> tuple[str, str | None]:
    """The option that a word is, "" for none, and the value that is glued on."""
    if word in _OPTIONS:
        return word, None
    name = word.rstrip("0123456789")
    return (name, word[len(name) :]) if name in _GLUED and name != word else ("", None)


def _take(words: Iterator[str], option: str, glued: str | None) -> str | None:
    takes_value, effect = _OPTIONS[option]
    value = glued if glued is not None else next(words, None) if takes_value else ""
    if value is None:
        raise Charm4PyError(f"{option} needs a value")
    return effect(value)


def _strip(argv: list[str]) -> list[str]:
    """argv without system options, which take effect; the program itself stays first."""
    kept, words = argv[:1], iter(argv[1:])
    for word in words:
        option, glued = _find(word) if word.startswith("+") else ("", None)
        if option == "":
            kept.append(word)
            continue
        notice = _take(words, option, glued)
        if notice is not None and charm.myPe() == 0:
            print(f"chariot: {word}: {notice}", file=sys.stderr)
    return kept


def _obey_launcher() -> None:
    """What chariot run was told of load balancing goes before what the program says."""
    environment = os.environ
    if "CHARIOT_BALANCER" in environment:
        _balancer(environment["CHARIOT_BALANCER"])
    if "CHARIOT_LB_PERIOD" in environment:
        charm.options.lb.period = _number("CHARIOT_LB_PERIOD", environment["CHARIOT_LB_PERIOD"])
    if "CHARIOT_LB_LOG" in environment:
        charm.options.lb.debug = 1


class _AsyncioLoader:
    """The real one's, and behind the module comes ours that goes with it."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)

    def exec_module(self, module: Any) -> None:
        module.__loader__ = module.__spec__.loader = self.real
        self.real.exec_module(module)
        if _AsyncioFinder in sys.meta_path:
            sys.meta_path.remove(_AsyncioFinder)
        _suspend_loops()


class _AsyncioFinder:
    """In front of the finders until asyncio is imported; most programs never do."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != "asyncio":
            return None
        others = (f for f in sys.meta_path if f is not _AsyncioFinder and hasattr(f, "find_spec"))
        specs = (finder.find_spec(name, path, target) for finder in others)
        spec = next((spec for spec in specs if spec is not None), None)
        if spec is not None:
            spec.loader = _AsyncioLoader(spec.loader)  # type: ignore[assignment]
        return spec


def _suspend_loops() -> None:
    """Now, or once asyncio is imported."""
    if "asyncio" in sys.modules:
        from . import _asyncio  # noqa: F401: its effect
    elif _AsyncioFinder not in sys.meta_path:
        sys.meta_path.insert(0, _AsyncioFinder)


def begin() -> list[str]:
    """On every PE: strips sys.argv, collects what importing left behind; returns what the entry gets."""
    gc.collect()
    _suspend_loops()
    _obey_launcher()
    argv = getattr(sys, "argv", [])
    if any(word.startswith("+") for word in argv[1:]):
        argv[:] = _strip(argv)
    return list(argv)


def banner() -> None:
    """On PE 0, when all PEs are there. To stderr: stdout is the program's."""
    from . import __version__

    pes, hosts = charm.numPes(), charm.numHosts()
    name = sys.implementation.name
    python = f"{'CPython' if name == 'cpython' else name} {sys.version.split()[0]}"
    where = f"{pes} PE{'s' * (pes != 1)} on {hosts} host{'s' * (hosts != 1)}"
    print(f"chariot {__version__}, {python}, {where}", file=sys.stderr)
    if charm.options.profiling:
        print("chariot: Profiling is ON (charm.options.profiling): programs run slower", file=sys.stderr)
