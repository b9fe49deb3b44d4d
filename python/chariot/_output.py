"""Output that must not be torn."""

import sys


def write_whole(text: str) -> None:
    """Writes whole lines to standard output by one call of the operating system, where that is a file or a pipe."""
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if raw is None:
        sys.stdout.write(text)
        return
    sys.stdout.flush()
    data = memoryview(text.encode(sys.stdout.encoding, "replace"))
    while data:
        data = data[raw.write(data) or 0 :]
