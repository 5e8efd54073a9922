"""Progress of long work, on standard error."""

import sys
import time


class Progress:
    """Says what goes on: a bar on a terminal, a line a step elsewhere."""

    WIDTH = 30

    def __init__(self, stream=None):
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._start = time.monotonic()
        self._title, self._total = "", 0

    def step(self, title, total=0):
        """Begins a step of `total` parts."""
        self.finish()
        self._title, self._total = title, total
        seconds = time.monotonic() - self._start
        self._stream.write(f"[{seconds:4.0f}s] {title}" + ("" if self._is_terminal else "\n"))
        self._stream.flush()

    def advance(self, done):
        """Says how many parts of the step are done."""
        if self._is_terminal and self._total:
            filled = self.WIDTH * done // self._total
            bar = "#" * filled + "." * (self.WIDTH - filled)
            self._stream.write(f"\r{self._title} [{bar}] {done}/{self._total}\x1b[K")
            self._stream.flush()

    def finish(self):
        """Ends the current step."""
        if self._is_terminal and self._title:
            self._stream.write("\n")
            self._stream.flush()
        self._title = ""
