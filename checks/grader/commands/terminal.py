"""A terminal: clear screens out, single keys in. Where there is none it does without."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import sys
import time
from types import FrameType, TracebackType
from typing import Any

with contextlib.suppress(ImportError):  # Windows: screens without keys
    import termios
    import tty


class Terminal:
    """Standard input and output while a command has them to itself.

    Keys are read as they are pressed and not shown; the terminal is as it was before when the
    command is left, whatever the way.
    """

    def __init__(self) -> None:
        self.has_screen = sys.stdout.isatty()
        self.has_keys = _is_ours(sys.stdin)
        self._saved: list[Any] | None = None
        self._handlers: dict[int, Any] = {}
        self._shown = ""

    def __enter__(self) -> Terminal:
        if self.has_keys:
            self._saved = termios.tcgetattr(sys.stdin)
            tty.setcbreak(sys.stdin, termios.TCSADRAIN)
            self._handle(signal.SIGCONT, self._again)
        self._handle(signal.SIGTERM, _leave)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        if self._saved is not None:
            with contextlib.suppress(termios.error):  # it may have been closed
                termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._saved)

    def show(self, text: str) -> None:
        """A new screen; without one, the text below a line."""
        start = "\x1b[2J\x1b[H" if self.has_screen else "─" * 80 + "\n"
        self._shown = start + text + "\n"
        self._write(self._shown)

    def note(self, text: str) -> None:
        """A line below what is shown; without a screen, nothing."""
        if self.has_screen:
            self._write(text + "\n")

    def keys(self, seconds: float) -> str:
        """What is typed within so many seconds; "" for nothing, "q" when the terminal is gone."""
        if not self.has_keys:
            time.sleep(seconds)
            return ""
        if not select.select([sys.stdin], [], [], seconds)[0]:
            return ""
        try:
            typed = os.read(sys.stdin.fileno(), 64)
        except OSError:
            return "q"
        if not typed:
            return "q"
        return "" if typed.startswith(b"\x1b") else typed.decode("ascii", "ignore").lower()

    def _handle(self, number: int, handler: Any) -> None:
        self._handlers[number] = signal.signal(number, handler)

    def _again(self, number: int, frame: FrameType | None) -> None:
        """After Ctrl-Z and fg the shell has set the terminal back and written on the screen."""
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        self._write(self._shown)

    @staticmethod
    def _write(text: str) -> None:
        sys.stdout.write(text)
        sys.stdout.flush()


def _is_ours(stream: Any) -> bool:
    """Whether a stream is a terminal that this process may change: not one in the background."""
    if "termios" not in sys.modules or stream is None or not stream.isatty():
        return False
    with contextlib.suppress(OSError):
        return os.tcgetpgrp(stream.fileno()) == os.getpgrp()
    return False


def _leave(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
