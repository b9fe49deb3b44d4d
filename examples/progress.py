"""A progress bar on stderr: redrawn in place on a terminal, a line per tenth elsewhere."""
from __future__ import annotations

import sys
import time

WIDTH = 32


class ProgressBar:
    def __init__(self, total: int) -> None:
        self.total = total
        self.tenths = 0
        self.begin = time.perf_counter()
        self.drawn = 0.0
        self.terminal = sys.stderr.isatty()

    def show(self, done: int, note: str = "") -> None:
        now = time.perf_counter()
        if self.terminal:
            if now - self.drawn > 0.05 or done == self.total:
                self.drawn = now
                sys.stderr.write(f"\r\x1b[K{self.line(done, now)}  {note}")
                sys.stderr.flush()
        elif done * 10 // self.total > self.tenths:
            self.tenths = done * 10 // self.total
            print(f"{self.line(done, now)}  {note}", file=sys.stderr, flush=True)

    def line(self, done: int, now: float) -> str:
        full = done * WIDTH // self.total
        left = (now - self.begin) / max(done, 1) * (self.total - done)
        return f"[{'#' * full}{'.' * (WIDTH - full)}] {done * 100 // self.total:3d} %  {left:4.1f} s left"

    def close(self) -> None:
        if self.terminal:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
