"""How far a long run has come: a bar on a terminal, a line a minute elsewhere."""

from __future__ import annotations

import time
from typing import TextIO

BAR = 30
MINUTE = 60.0


class Progress:
    """Counts up to `total` on a stream. What an earlier run did counts, and not for the rate."""

    def __init__(self, total: int, stream: TextIO) -> None:
        self._total = total
        self._stream = stream
        self._started = self._shown = time.monotonic()
        self._done = self._now = 0

    def step(self, *, now: bool = True) -> None:
        """One more is done; `now` unless it was done by an earlier run."""
        self._done += 1
        self._now += now
        since = time.monotonic() - self._shown
        if self._stream.isatty():
            if since > 0.1 or self._done == self._total:
                self._show(f"\r{self._bar()} {self._line()}\x1b[K")
        elif since > MINUTE:
            self._show(self._line() + "\n")

    def close(self) -> None:
        if self._stream.isatty() and self._done:
            self._show("\n")

    def _show(self, text: str) -> None:
        self._shown = time.monotonic()
        self._stream.write(text)
        self._stream.flush()

    def _bar(self) -> str:
        full = BAR * self._done // max(1, self._total)
        return "█" * full + "░" * (BAR - full)

    def _line(self) -> str:
        seconds = time.monotonic() - self._started
        line = f"{self._done} of {self._total}"
        if self._now and seconds > 0:
            rate = self._now / seconds
            line += f", {rate:.1f} a second, {_duration((self._total - self._done) / rate)} left"
        return line


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"
