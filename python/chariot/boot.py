"""Runs a program as one PE of a job: `python -m chariot.boot prog.py args...`; the launcher starts every PE so.

The program becomes the real `__main__`. What goes wrong before it has started the runtime is said once for the whole
job, not once for each PE.
"""

import os
import sys
from types import CodeType, ModuleType, TracebackType

from . import _core, charm

UNUSABLE = 66  # EX_NOINPUT


def _end(status: int, text: str) -> None:
    """Ends the job before it has started; falls back to saying it here."""
    if not text.endswith("\n"):
        text += "\n"
    if not _core._fail(status, text):
        sys.stderr.write(text)
    sys.exit(status)


def _read(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        _end(UNUSABLE, f"chariot: cannot read program {path}: {error.strerror}")
        raise


def _fresh_main(path: str) -> ModuleType:
    main = ModuleType("__main__")
    main.__file__ = path
    main.__builtins__ = __builtins__  # type: ignore[attr-defined]
    main.__cached__ = None  # type: ignore[attr-defined]
    sys.modules["__main__"] = main
    return main


def _program_frames(error: BaseException) -> "TracebackType | None":
    """Its traceback without the frames of this file and of what it runs the program with."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in (__file__, "<frozen runpy>"):
        frames = frames.tb_next
    return frames


def _report(error: BaseException) -> None:
    """The program failed: ends the job with its traceback, if it has not started."""
    import traceback

    text = "".join(traceback.format_exception(type(error), error, _program_frames(error)))
    sys.stdout.flush()
    _end(1, text)


def _left(error: SystemExit, path: str) -> None:
    """The program called sys.exit() before it started the runtime."""
    code = error.code
    sys.stdout.flush()
    if code is None or code == 0:
        return
    if isinstance(code, int):
        _end(code & 0xFF or 1, f"chariot: {path} ended with status {code} before charm.start()")
    _end(1, str(code))


def _run_module(name: str) -> None:
    import runpy

    runpy.run_module(name, run_name="__main__", alter_sys=True)


def _run_file(path: str) -> None:
    sys.path[0] = os.path.dirname(os.path.realpath(path))
    source = _read(path)
    code: CodeType = compile(source, path, "exec", dont_inherit=True)
    exec(code, _fresh_main(path).__dict__)


def _run(path: str) -> None:
    try:
        if path == "-m":
            path = sys.argv[1]
            del sys.argv[0]
            _run_module(path)
        else:
            _run_file(path)
    except SystemExit as error:
        if charm.started:
            raise
        _left(error, path)
        return
    except BaseException as error:
        if charm.started:
            raise
        _report(error)
    if not charm.started:
        _core._forgotten(path)
        sys.exit(1)


def main() -> None:
    if os.environ.get("CHARIOT_CHARM4PY"):
        import _chariot_alias

        _chariot_alias.install()
    del sys.argv[0]
    if not sys.argv:
        _end(64, "chariot: no program to run")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # PYTHONUNBUFFERED would write lines in pieces, and others' come between
            stream.reconfigure(line_buffering=True, write_through=False)
    _run(sys.argv[0])


if __name__ == "__main__":
    main()
