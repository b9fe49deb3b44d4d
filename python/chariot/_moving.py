"""Which part of a chare's state cannot move to another PE: asked when it was refused, and never else."""

from collections.abc import Iterator

from chariot import _core

_DEPTH = 12


def _parts(value: object) -> Iterator[tuple[str, object]]:
    """What value is made of, each with what leads to it."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield f"[{key!r:.60}]", item
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            yield f"[{number}]", item
    elif isinstance(value, (set, frozenset)):
        for item in value:
            yield " (one of its members)", item
    else:
        for name, item in list(getattr(value, "__dict__", {}).items()):
            yield f".{name}", item
        closure = getattr(value, "__closure__", None) or ()
        for name, cell in zip(getattr(getattr(value, "__code__", None), "co_freevars", ()), closure):
            yield f" (its variable {name})", cell.cell_contents


def _refusal_of(value: object) -> "Exception | None":
    try:
        _core._encode(value)
    except Exception as error:
        return error
    return None


def _find(path: str, value: object, error: Exception) -> tuple[str, object, Exception]:
    """The smallest part of value that is refused."""
    for _ in range(_DEPTH):
        for step, part in _parts(value):
            refused = _refusal_of(part)
            if refused is not None:
                path, value, error = path + step, part, refused
                break
        else:
            break
    return path, value, error


def refusal(label: str, state: object, cause: Exception, of_getstate: bool) -> Exception:
    """What to raise in place of cause, the error that writing state gave."""
    path, value, error = "its state", state, cause
    if of_getstate:
        path, value, error = _find("what __getstate__() gave", state, cause)
    elif isinstance(state, tuple) and len(state) == 2:
        state = {**(state[0] or {}), **state[1]}
    if not of_getstate and isinstance(state, dict):
        for name, part in state.items():
            refused = _refusal_of(part)
            if refused is not None:
                path, value, error = _find(f"self.{name}", part, refused)
                break
    origin = error.__cause__ or error
    made = _core.Charm4PyError(
        f"{label} cannot move to another PE, and stays: {path} (of type {type(value).__qualname__}) cannot be sent: {origin} "
        "(leave it out with __getstate__, and make it anew in __setstate__ or migrated)"
    )
    made.__cause__ = origin
    return made
