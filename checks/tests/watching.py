"""`watch` in a pseudo terminal, for its tests and its benchmark: real keys, real screens."""

from __future__ import annotations

import contextlib
import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import TracebackType
from typing import Any

from checks.grader.records.course import ROOT

CLEAR = "\x1b[2J\x1b[H"
#: Seconds for anything to appear, on a machine that is busy with other things.
LONG = 30.0
#: Seconds between two looks at whether the process still runs.
LOOK = 0.2


class Watching:
    """A running `python -m checks watch`, as its student sees it."""

    def __init__(self, *arguments: str) -> None:
        self.ours, self.theirs = pty.openpty()
        self.modes = termios.tcgetattr(self.theirs)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "checks", "watch", *arguments],
            cwd=ROOT,
            stdin=self.theirs,
            stdout=self.theirs,
            stderr=self.theirs,
            env=os.environ | {"NO_COLOR": "1"},
            preexec_fn=lambda: _own_terminal(self.theirs),
        )
        self.text = ""

    def wait_for(self, wanted: str, seconds: float = LONG) -> str:
        """The screen once `wanted` stands on it; what was there before counts if it still does."""
        deadline = time.monotonic() + seconds
        while not re.search(wanted, self.screen):
            has_ended = self.process.poll() is not None
            if self._read(0.0 if has_ended else LOOK):
                continue
            if has_ended or time.monotonic() > deadline:
                why = "it has ended" if has_ended else "it runs"
                raise AssertionError(f"{wanted!r} did not appear; {why}; screen:\n{self.screen}")
        return self.screen

    def forget(self) -> None:
        """What is on the screen now does not count any more."""
        while self._read(0.05):
            pass
        self.text = ""

    @property
    def screen(self) -> str:
        """What was written since the screen was last cleared."""
        return self.text.rpartition(CLEAR)[2].replace("\r\n", "\n")

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def ended(self, seconds: float = LONG) -> int:
        """The exit status."""
        deadline = time.monotonic() + seconds
        while self.process.poll() is None and time.monotonic() < deadline:
            self._read(0.05)
        while self._read(0.05):
            pass
        return self.process.wait(1)

    def modes_now(self) -> list[Any]:
        return termios.tcgetattr(self.theirs)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for descriptor in (self.ours, self.theirs):
            with contextlib.suppress(OSError):
                os.close(descriptor)

    def __enter__(self) -> Watching:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _read(self, seconds: float) -> bool:
        """Read what comes within so many seconds; whether anything did."""
        if not select.select([self.ours], [], [], seconds)[0]:
            return False
        try:
            self.text += os.read(self.ours, 1 << 16).decode("utf-8", "replace")
        except OSError:
            return False
        return True


def replace_file(path: Path, text: str) -> None:
    """Save as most editors do: write beside, then rename over."""
    beside = path.with_name(f".{path.name}.tmp")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def _own_terminal(descriptor: int) -> None:
    """Be a session leader whose controlling terminal this is, so that Ctrl-C is a signal."""
    import fcntl

    os.setsid()
    fcntl.ioctl(descriptor, termios.TIOCSCTTY, 0)
