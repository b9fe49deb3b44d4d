"""Beside every program of the conformance tests: checks that go on after a failure. done() reports and ends the job.

Programs check on PE 0 alone: what others see, they return.
"""

import numpy as np

from chariot import charm

failures = []
count = 0


def same(a, b):
    """Equal in value and in type, down to the elements; arrays in dtype and shape too."""
    if type(a) is not type(b):
        return False
    if isinstance(a, np.ndarray):
        if a.dtype != b.dtype or a.shape != b.shape:
            return False
        if a.dtype.hasobject or a.dtype.names or a.dtype.char in "gG":  # bytes may hold pointers or padding
            return same(a.tolist(), b.tolist())
        return a.tobytes() == b.tobytes()
    if isinstance(a, (list, tuple)):
        return len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, dict):
        return len(a) == len(b) and all(key in b and same(value, b[key]) for key, value in a.items())
    return bool(a == b) or bool(a != a and b != b)


def check(what, holds):
    global count
    count += 1
    if not holds:
        failures.append(f"{what}: does not hold")


def eq(what, got, want):
    global count
    count += 1
    if not same(got, want):
        failures.append(f"{what}: {type(got).__name__} {got!r:.300}, expected {type(want).__name__} {want!r:.300}")


def is_charm_error(error, name="Charm4PyError"):
    return any(base.__name__ == name for base in type(error).__mro__)


def raises(what, kind, function, *words):
    """function() raises `kind` (a class, or the name of one), and says all the words. Returns the exception."""
    global count
    count += 1
    try:
        value = function()
    except Exception as error:
        good = is_charm_error(error, kind) if isinstance(kind, str) else isinstance(error, kind)
        if not good:
            failures.append(f"{what}: raised {type(error).__name__}: {error}; expected {kind}")
        for word in words:
            if word not in str(error):
                failures.append(f"{what}: {word!r} is not in {type(error).__name__}: {error}")
        return error
    failures.append(f"{what}: gave {value!r:.200}; expected {kind}")
    return None


def refused(what, function, *words):
    """A wrong argument: TypeError, ValueError or a Charm4PyError, never an AssertionError."""
    error = raises(what, Exception, function, *words)
    if error is not None and not isinstance(error, (TypeError, ValueError)) and not is_charm_error(error):
        failures.append(f"{what}: raised {type(error).__name__}: {error}; expected TypeError, ValueError, Charm4PyError")


def done():
    for line in failures:
        print("FAILED", line)
    if not failures:
        print(f"all checks hold: {count}", flush=True)
    charm.exit(1 if failures else 0)
