"""The conversation with the process that runs one student's code."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Settings
from checks.grader.running import frames
from checks.grader.running.intake import LessonFile
from checks.grader.running.messages import Calls, Import
from checks.grader.running.server import START_UP, Child, Server

#: A submission may take so many time limits in all; each exercise after that has BRIEFLY seconds,
#: in which right work is done many times over.
LIMITS, BRIEFLY = 4, 1.5
#: The part of a time limit after which a process tells what it has printed.
NEARLY_OVER = 0.8
TICK = 0.02  # seconds between two looks at whether somebody still wants the answer


class Session(Protocol):
    """Whoever answers requests: a process that holds a lesson file, or a notebook's function."""

    def imported(self) -> Observation: ...

    def ask(self, calls: Calls, meanwhile: Callable[[], object]) -> list[Observation]: ...

    def close(self) -> None: ...


@dataclass
class Allowance:
    """How long one submission was waited for, over all of its lessons and processes. Seconds."""

    waited: float = 0.0

    def limit(self, usual: float) -> float:
        """The time limit of what comes next."""
        return usual if self.waited < LIMITS * usual else min(usual, BRIEFLY)


class ProcessSession:
    """A lesson file's process: started when it is needed, and again after it died.

    waiting   called again and again while an answer is awaited; what it raises ends the wait
    ended     in what the process of this file ended or ran too long: exercises, "" for the import
    """

    def __init__(
        self,
        server: Server,
        lesson_file: LessonFile,
        settings: Settings,
        waiting: Callable[[], None] | None = None,
        allowance: Allowance | None = None,
    ) -> None:
        self._waiting = waiting
        self._allowance = allowance or Allowance()
        self._server = server
        self._lesson_file = lesson_file
        self._settings = settings
        self._child: Child | None = None
        self.ended: list[str] = []
        self.start()

    def start(self) -> None:
        """Start the process; its import of the student's file goes on beside the judge's work."""
        self._child = self._server.child(self._job(), NEARLY_OVER * self._limit())
        self._imported: Observation | None = None

    def turn_to(self, lesson_file: LessonFile) -> None:
        """Go on with another file of the same student, in the same process if it still lives."""
        self._lesson_file = lesson_file
        self.ended = []
        if self._child is None:
            self.start()
        else:
            self._child.send(self._job(), NEARLY_OVER * self._limit())
            self._imported = None

    def imported(self) -> Observation:
        """What came of importing the file; waits for it the first time."""
        if self._child is None:
            self.start()
        if self._imported is None:
            slow = START_UP if self._settings.device != "cpu" or self._server.is_fresh else 0.0
            self._imported = self._receive("", self._limit(), slow)
        return self._imported

    def ask(self, calls: Calls, meanwhile: Callable[[], object]) -> list[Observation]:
        """The answers to the calls; the last one says so if the process did not survive.

        meanwhile   what the judge has to compute, while the student's process does its part
        """
        assert self._child is not None
        limit = left = self._limit()
        self._child.send(calls, NEARLY_OVER * limit)
        seen: list[Observation] = []
        for _ in calls.calls:
            before = self._allowance.waited
            seen.append(self._receive(calls.exercise, limit, left - limit))
            left -= self._allowance.waited - before
            if seen[-1].outcome in ("missing", "not_started", "timeout", "crashed"):
                break
            meanwhile()
        return seen

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _job(self) -> Import:
        return Import(
            self._lesson_file.stem,
            str(self._lesson_file.path),
            self._lesson_file.source or "",
            self._settings.device,
            str(self._lesson_file.room or ""),
        )

    def _limit(self) -> float:
        return self._allowance.limit(self._settings.time_limit)

    def _receive(self, asked: str, limit: float, more: float) -> Observation:
        """One answer, within limit + more seconds; what the judge does meanwhile does not count."""
        started = time.monotonic()
        seen = self._observed(started + limit + more)
        self._allowance.waited += time.monotonic() - started
        if seen.outcome in ("timeout", "crashed"):
            self.ended.append(asked)
        return replace(seen, seconds=limit) if seen.outcome == "timeout" else seen

    def _observed(self, deadline: float) -> Observation:
        assert self._child is not None
        late = Observation("timeout")
        try:
            while True:
                while self._waiting and not self._child.ready(TICK) and time.monotonic() < deadline:
                    self._waiting()
                seen = self._child.receive(deadline)
                if seen.outcome != "timeout":
                    return seen
                late = seen  # the call still runs, and tells what it has printed so far
        except frames.Late:
            self.close()
            return late
        except frames.Broken:
            self.close()
            return Observation("crashed")


@contextmanager
def single_session(
    server: Server,
    lesson_file: LessonFile,
    settings: Settings,
    waiting: Callable[[], None] | None = None,
    allowance: Allowance | None = None,
) -> Iterator[ProcessSession | None]:
    """The process of one lesson file, ended at last; None when there is no text to run."""
    if lesson_file.source is None:
        yield None
        return
    session = ProcessSession(server, lesson_file, settings, waiting, allowance)
    try:
        yield session
    finally:
        session.close()
