"""The conversation with the process that runs one student's code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Settings
from checks.grader.running import frames
from checks.grader.running.frames import observation
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import START_UP, Child, Server

#: What is sent for some calls: the header of a frame, and its tensors.
Request = tuple[dict[str, Any], bytes]
TICK = 0.02  # seconds between two looks at whether somebody still wants the answer


class Session(Protocol):
    """Whoever answers requests: a process that holds a lesson file, or a notebook's function."""

    def imported(self) -> Observation: ...

    def ask(self, request: Request, meanwhile: Callable[[], object]) -> list[Observation]: ...

    def close(self) -> None: ...


class ProcessSession:
    """A lesson file's process: started when it is needed, and again after it died.

    waiting   called again and again while an answer is awaited; what it raises ends the wait
    """

    def __init__(
        self,
        server: Server,
        lesson_file: LessonFile,
        settings: Settings,
        waiting: Callable[[], None] | None = None,
    ) -> None:
        self._waiting = waiting
        self._server = server
        self._lesson_file = lesson_file
        self._settings = settings
        self._child: Child | None = None
        self.start()

    def start(self) -> None:
        """Start the process; its import of the student's file goes on beside the judge's work."""
        self._child = self._server.child(self._job())
        self._imported: Observation | None = None

    def turn_to(self, lesson_file: LessonFile) -> None:
        """Go on with another file of the same student, in the same process if it still lives."""
        self._lesson_file = lesson_file
        if self._child is None:
            self.start()
        else:
            self._child.send(self._job())
            self._imported = None

    def imported(self) -> Observation:
        """What came of importing the file; waits for it the first time."""
        if self._child is None:
            self.start()
        if self._imported is None:
            slow = START_UP if self._settings.device != "cpu" or self._server.is_fresh else 0.0
            deadline = time.monotonic() + self._settings.time_limit + slow
            self._imported = self._receive(deadline)
        return self._imported

    def ask(self, request: Request, meanwhile: Callable[[], object]) -> list[Observation]:
        """The answers to a request; the last one says so if the process did not survive.

        meanwhile   what the judge has to compute, while the student's process does its part
        """
        assert self._child is not None
        header, body = request
        self._child.send(header | {"path": str(self._lesson_file.path)}, body)
        deadline = time.monotonic() + self._settings.time_limit
        seen: list[Observation] = []
        for _ in header["calls"]:
            seen.append(self._receive(deadline))
            if seen[-1].outcome in ("missing", "not_started", "timeout", "crashed"):
                break
            paused = time.monotonic()
            meanwhile()
            deadline += time.monotonic() - paused
        return seen

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _job(self) -> dict[str, Any]:
        return {
            "stem": self._lesson_file.stem,
            "path": str(self._lesson_file.path),
            "source": self._lesson_file.source,
            "device": self._settings.device,
            "room": str(self._lesson_file.room or ""),
        }

    def _receive(self, deadline: float) -> Observation:
        assert self._child is not None
        if self._waiting is not None:
            while not self._child.ready(TICK) and time.monotonic() < deadline:
                self._waiting()
        try:
            return observation(*self._child.receive(deadline))
        except frames.Late:
            self.close()
            return Observation("timeout")
        except frames.Broken:
            self.close()
            return Observation("crashed")


@contextmanager
def single_session(
    server: Server,
    lesson_file: LessonFile,
    settings: Settings,
    waiting: Callable[[], None] | None = None,
) -> Iterator[ProcessSession | None]:
    """The process of one lesson file, ended at last; None when there is no text to run."""
    if lesson_file.source is None:
        yield None
        return
    session = ProcessSession(server, lesson_file, settings, waiting)
    try:
        yield session
    finally:
        session.close()
