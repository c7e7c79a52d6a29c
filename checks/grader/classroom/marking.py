"""Grading one submission, in a process of a pool or of a cluster.

Every such process (every thread of it, on a cluster) has a server of its own, which was started
afresh and holds no expected value, and keeps the truth of the lessons, which is computed once.
torch is imported on the first submission: the process that hands out the work needs none of it.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Literal

from checks.grader.classroom.submission import Submission
from checks.grader.records import course
from checks.grader.running import sandbox
from checks.grader.running.intake import LessonFile, Unreadable, text_of

if TYPE_CHECKING:
    from checks.grader.records.verdict import Report, Settings

Mode = Literal["auto", "require", "off"]


@dataclass(frozen=True)
class Rules:
    """What is the same for a whole class. `checks` names the version of the checks."""

    seed: int
    time_limit: float
    mode: Mode
    checks: str

    def key(self, submission: Submission) -> str:
        """The same when grading again would give the same."""
        kept = (self.checks, self.seed, self.time_limit, self.mode != "off", submission.digest)
        return hashlib.sha256(repr(kept).encode()).hexdigest()


@dataclass(frozen=True)
class Graded:
    """A graded submission: the report as JSON text, and how many seconds it took."""

    report: str
    seconds: float


class Unsafe(Exception):
    """The sandbox that was asked for is not there, or does not hold."""


class Differs(Exception):
    """The checks on this machine are not those of the machine that hands out the work."""


def version_of_checks() -> str:
    """A hash of everything that decides about points."""
    total = hashlib.sha256(version("torch").encode())
    tests = course.ROOT / "checks" / "tests"
    for folder in ("checks", "data"):
        for path in sorted((course.ROOT / folder).rglob("*")):
            if path.suffix in (".py", ".toml", ".csv") and tests not in path.parents:
                total.update(path.name.encode() + path.read_bytes())
    return total.hexdigest()


def grade(submission: Submission, rules: Rules) -> Graded:
    """Grade one submission in this process. Raises Unsafe or Differs."""
    return _grader(rules, threading.get_ident()).grade(submission)


@lru_cache(maxsize=64)
def _grader(rules: Rules, thread: int) -> Grader:
    if rules.checks != version_of_checks():
        raise Differs("the checks here are another version: update the course on every machine")
    from checks.grader.records.verdict import Settings

    grader = Grader(Settings(seed=rules.seed, time_limit=rules.time_limit), rules.mode)
    empty = Submission({f"{stem}.py": b"" for stem in course.stems()})
    grader.grade(empty)  # so that the first student waits neither for the server nor for the truth
    return grader


class Grader:
    """A server, and a folder in which each submission gets a room of its own while it is graded.

    server, folder   of this grader; empty between two submissions
    Raises Unsafe if `mode` is "require" and the sandbox is not there or does not hold.
    """

    def __init__(self, settings: Settings, mode: Mode) -> None:
        if mode == "require" and sandbox.lacking():
            raise Unsafe(f"this machine lacks {'; '.join(sandbox.lacking())}")
        from checks.grader.running.server import Server

        linux = sys.platform == "linux"
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="checks-"))
        confine = sandbox.build if linux and mode != "off" else None
        self.server = Server("exec" if linux else None, confine, self.folder)
        if mode == "require":
            self._withstand()

    def grade(self, submission: Submission) -> Graded:
        """Grade every lesson of one submission."""
        started = time.monotonic()
        report = self.report(submission, course.stems())
        text = json.dumps(report.as_json(), ensure_ascii=False, indent=1) + "\n"
        return Graded(text.replace(str(self.folder), "…"), time.monotonic() - started)

    def report(self, submission: Submission, stems: Sequence[str]) -> Report:
        """Grade some lessons of one submission."""
        from checks.grader.grading.grade import grade_together

        room = self.folder / "room"  # the same name every time: it may stand in a message
        room.mkdir(mode=0o700)
        try:
            lesson_files = [self._lesson_file(submission, stem, room) for stem in stems]
            for path, data in submission.files.items():
                _put(room, path, data)
            return _not_handed_in(
                grade_together(self.server, lesson_files, self._settings), submission
            )
        finally:
            _clear(room)

    def __enter__(self) -> Grader:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the server, which removes the folder."""
        self.server.close()
        if sys.platform != "linux":
            shutil.rmtree(self.folder, ignore_errors=True)

    def _lesson_file(self, submission: Submission, stem: str, room: Path) -> LessonFile:
        path = submission.find(stem)
        name = f"{stem}.py"
        if submission.refused:
            return LessonFile(stem, room / name, None, f"Not opened: {submission.refused}.")
        if path is None:
            return LessonFile(stem, room / name, None, f"There is no file {name}.")
        if path in submission.problems:
            return LessonFile(stem, room / path, None, f"{name} {submission.problems[path]}")
        try:
            return LessonFile(stem, room / path, text_of(submission.files[path]), room=room)
        except Unreadable as problem:
            return LessonFile(stem, room / path, None, f"{name} {problem}")

    def _withstand(self) -> None:
        from checks.grader.running.attacks import succeeding

        room = self.folder / "trial"
        room.mkdir(mode=0o700)
        failed = succeeding(self.server, room)
        _clear(room)
        if failed:
            self.close()
            raise Unsafe(f"the sandbox does not hold: {', '.join(failed)}")


def _not_handed_in(report: Report, submission: Submission) -> Report:
    """A lesson without a file is not an error: it was not started."""
    if submission.refused:
        return report
    lessons = []
    for lesson in report.lessons:
        if submission.find(lesson.lesson) is None:
            verdicts = tuple(replace(v, status="not_started") for v in lesson.verdicts)
            lesson = replace(lesson, verdicts=verdicts)
        lessons.append(lesson)
    return replace(report, lessons=tuple(lessons))


def _put(room: Path, path: str, data: bytes) -> None:
    """Write a file of the submission; a name that this system cannot hold is left out."""
    try:
        target = room / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except (OSError, ValueError):
        return


def _clear(room: Path) -> None:
    from checks.grader.running.server import remove

    remove(room)
