"""For the hang report (python/hang.c): where coroutines stand, and whether something may go on by itself after all."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

_PACKAGE = os.path.dirname(__file__) + os.sep
_CLEANING_UP = ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT")  # handlers of these end programs, they do not wake them


def _frame_of(suspended: Any) -> FrameType | None:
    """The innermost frame of a greenlet, or of what a coroutine object awaits in the end."""
    frame: FrameType | None = getattr(suspended, "gr_frame", None)
    while frame is None and suspended is not None:
        inner = getattr(suspended, "cr_await", None) or getattr(suspended, "gi_yieldfrom", None)
        if not (hasattr(inner, "cr_frame") or hasattr(inner, "gi_frame")):
            return getattr(suspended, "cr_frame", None) or getattr(suspended, "gi_frame", None)
        suspended = inner
    return frame


def where(suspended: Any) -> str:
    """The line of the program, such as prog.py:12, at which it waits."""
    frame = _frame_of(suspended)
    while frame is not None and frame.f_back is not None and frame.f_code.co_filename.startswith(_PACKAGE):
        frame = frame.f_back
    if frame is None:
        return "?"
    path, here = frame.f_code.co_filename, os.getcwd() + os.sep
    return f"{path.removeprefix(here)}:{frame.f_lineno}"


def alive() -> bool:
    """Threads of the program's own still run, or it has handlers for signals that somebody may send."""
    threading, signal = sys.modules.get("threading"), sys.modules.get("signal")
    if threading is not None:
        main = threading.main_thread()
        if any(thread is not main and not thread.daemon for thread in threading.enumerate()):
            return True
    if signal is None:
        return False
    cleaning = {getattr(signal, name, None) for name in _CLEANING_UP}
    return any(callable(signal.getsignal(number)) for number in signal.valid_signals() - cleaning)
