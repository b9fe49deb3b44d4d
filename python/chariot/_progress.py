"""The progress line of charm.pool.map(..., progress=True)."""

import sys
import time


class Progress:
    """Called with how many are done of how many (None: not known), from the PE that waits for them."""

    WIDTH = 30
    PLAIN_S = 10.0  # a log gets a line so often

    def __init__(self) -> None:
        self.begin = self.shown = time.monotonic()
        self.tty = sys.stderr is not None and sys.stderr.isatty()

    def __call__(self, done: int, total: "int | None", last: int) -> None:
        now = time.monotonic()
        if sys.stderr is None or not (self.tty or last or now - self.shown >= self.PLAIN_S):
            return
        self.shown = now
        text = self.text(done, total, now - self.begin)
        if self.tty:
            sys.stderr.write(f"\r\033[K{text}" + ("\n" if last else ""))
        else:
            sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def text(self, done: int, total: "int | None", seconds: float) -> str:
        rate = f"{done / seconds:.4g}/s" if seconds > 0 else ""
        if not total:
            return f"{done} done, {seconds:.1f} s, {rate}"
        bar = "#" * min(self.WIDTH, self.WIDTH * done // total)
        left = f"{seconds * (total - done) / done:.1f} s left" if 0 < done < total else f"{seconds:.1f} s"
        return f"[{bar:<{self.WIDTH}}] {done}/{total}, {left}, {rate}"
