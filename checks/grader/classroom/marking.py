"""Grading one submission, in a process of a pool or of a cluster.

Every such process (every thread of it, on a cluster) has a server of its own, which was started
afresh and holds no expected value, and keeps the truth of the lessons, which is computed once.
torch is imported on the first submission: the process that hands out the work needs none of it.
"""

from __future__ import annotations

import errno
import gc
import hashlib
import json
import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from checks.grader.classroom.graphs import graphs
from checks.grader.classroom.matching import Code
from checks.grader.classroom.result import as_json, not_handed_in
from checks.grader.classroom.submission import Submission
from checks.grader.records import course
from checks.grader.records.cells import told_by_cells
from checks.grader.records.closing import Closing
from checks.grader.records.misuse import Misuse
from checks.grader.running import sandbox
from checks.grader.running.sandbox import Isolation

if TYPE_CHECKING:
    from checks.grader.records.verdict import Report, Settings
    from checks.grader.running.intake import LessonFile
    from checks.grader.running.session import Allowance

Mode = Literal["auto", "require", "off"]
LEAST_FREE = 8 << 20  # bytes that a submission finds in its room
#: What a system says of a name that it cannot hold, or that is a file and a folder at once.
BAD_NAME = {
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ, errno.ENOTDIR, errno.EISDIR, errno.EEXIST),
}


@dataclass(frozen=True)
class Rules:
    """What is the same for a whole class.

    checks   names the version of the checks
    lessons  those that are asked for; all if there are none
    graphs   whether graphs of the students' code are recorded for their pages
    """

    seed: int
    time_limit: float
    mode: Mode
    checks: str
    lessons: tuple[str, ...] = ()
    graphs: bool = False

    def key(self, submission: Submission) -> str:
        """The same when grading again would give the same."""
        rules = (self.checks, self.seed, self.time_limit, self.mode != "off", self.graphs)
        return hashlib.sha256(repr((*rules, submission.digest)).encode()).hexdigest()


@dataclass(frozen=True)
class Graded:
    """A graded submission.

    report     as JSON text
    seconds    how long its own code was waited for
    isolation  what held while it was graded
    unjudged   exercises that the judge itself could not judge, and why; they are nobody's zeros
    """

    report: str
    seconds: float
    isolation: Isolation
    unjudged: tuple[str, ...] = ()


@dataclass(frozen=True)
class NotGraded:
    """A submission that could not be graded here and now, through no fault of its own."""

    reason: str


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


def grade(submission: Submission, rules: Rules) -> Graded | NotGraded:
    """Grade one submission in this process. Raises Unsafe or Differs."""
    try:
        return _grader(rules, threading.get_ident()).grade(submission, rules.graphs)
    except (Unsafe, Differs):
        raise
    except Exception as error:
        return NotGraded(_reason(error))


def try_out(rules: Rules) -> Isolation:
    """Get ready to grade in this process. Raises whatever stands in the way."""
    return _grader(rules, threading.get_ident()).isolation


def _reason(error: Exception) -> str:
    """Why nothing came of a submission, for whoever can do something about it."""
    place = f"the temporary folder {tempfile.gettempdir()}"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place} is full"
    if isinstance(error, OSError) and str(error.filename or "").startswith(tempfile.gettempdir()):
        return f"{place} cannot be used: {error.strerror}"
    if isinstance(error, MemoryError):
        return "the judge ran out of memory"
    return str(error) if isinstance(error, Misuse) else f"{type(error).__name__}: {error}"[:300]


@lru_cache(maxsize=64)
def _grader(rules: Rules, thread: int) -> Grader:
    if rules.checks != version_of_checks():
        raise Differs("the checks here are another version: update the course on every machine")
    from checks.grader.records.verdict import Settings

    grader = Grader(Settings(seed=rules.seed, time_limit=rules.time_limit), rules.mode)
    stems = rules.lessons or course.stems()
    empty = Submission(lessons={stem: Code(f"{stem}.py", "") for stem in stems})
    grader.grade(empty)  # so that the first student waits neither for the server nor for the truth
    return grader


class Grader(Closing):
    """A server, and a folder in which each submission gets a room of its own while it is graded.

    server, folder   of this grader; empty between two submissions
    isolation        what held in a trial of it
    Raises Unsafe if `mode` is "require" and the sandbox is not there or does not hold.
    """

    def __init__(self, settings: Settings, mode: Mode) -> None:
        if mode == "require" and sandbox.lacking():
            raise Unsafe(f"this machine lacks {'; '.join(sandbox.lacking())}")
        from checks.grader.running.server import Server

        linux = sys.platform == "linux"
        self._settings = settings
        self.folder = Path(tempfile.mkdtemp(prefix="checks-"))
        self.folder.chmod(0o711)  # for a process that is nobody's to reach its room
        confine = sandbox.build if linux and mode != "off" else None
        self.server = Server("exec" if linux else None, confine, self.folder)
        try:
            self.isolation = self._tried(mode) if linux else Isolation(sandbox.lacking())
            gc.freeze()  # PyTorch and the lesson of the trial stay: no collection need look at them
        except BaseException:
            self.close()
            raise

    def grade(self, submission: Submission, with_graphs: bool = False) -> Graded:
        """Grade every lesson of one submission, and record graphs of it if they are wanted."""
        from checks.grader.running.session import Allowance

        allowance = Allowance()
        with self._room(submission, tuple(submission.lessons)) as lesson_files:
            report = self._report(lesson_files, submission, allowance)
            drawn = graphs(self.server, lesson_files, report) if with_graphs else {}
        whole = as_json(report, submission, drawn)
        text = json.dumps(whole, ensure_ascii=False, indent=1) + "\n"
        text = text.replace(str(self.folder), "…").encode(errors="replace").decode()
        return Graded(text, allowance.waited, self.isolation, _unjudged(report))

    def report(
        self, submission: Submission, stems: Sequence[str], allowance: Allowance | None = None
    ) -> Report:
        """Grade some lessons of one submission."""
        with self._room(submission, stems) as lesson_files:
            return self._report(lesson_files, submission, allowance)

    def _report(
        self, lesson_files: list[LessonFile], submission: Submission, allowance: Allowance | None
    ) -> Report:
        from checks.grader.grading.grade import grade_together

        report = grade_together(self.server, lesson_files, self._settings, allowance)
        report = told_by_cells(report, (lesson_file.source for lesson_file in lesson_files))
        return not_handed_in(report, submission)

    @contextmanager
    def _room(self, submission: Submission, stems: Sequence[str]) -> Iterator[list[LessonFile]]:
        """The lesson files of a submission, with all of its files in the room, until the end."""
        room = self.folder / "room"  # the same name every time: it may stand in a message
        if room.exists():  # the last submission's was not removed
            _clear(room)
        self.folder.mkdir(mode=0o711, exist_ok=True)  # somebody may tidy up /tmp
        room.mkdir(mode=0o700)
        if shutil.disk_usage(room).free < LEAST_FREE:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(room))
        try:
            lesson_files = [submission.lesson_file(stem, room) for stem in stems]
            for path, data in submission.files.items():
                _put(room, path, data)
            yield lesson_files
        finally:
            _clear(room)

    def close(self) -> None:
        """End the server, which removes the folder if it still can."""
        self.server.close()
        _clear(self.folder)

    def _tried(self, mode: Mode) -> Isolation:
        """What the sandbox withstands, tried in every mode. Raises Unsafe."""
        from checks.grader.running.attacks import ATTACKS, succeeding

        if mode == "off":
            return Isolation()
        trial = self.folder / "trial"
        trial.mkdir(mode=0o711)
        isolation = Isolation(
            sandbox.lacking(), len(ATTACKS), tuple(succeeding(self.server, trial))
        )
        _clear(trial)
        if mode == "require" and isolation.open:
            raise Unsafe(f"the sandbox does not hold: {', '.join(isolation.open)}")
        return isolation


def _unjudged(report: Report) -> tuple[str, ...]:
    """What the judge could not judge."""
    return tuple(
        f"{lesson.lesson}.{verdict.exercise}: {verdict.message}"
        for lesson in report.lessons
        for verdict in lesson.verdicts
        if verdict.status == "course_error"
    )


def _put(room: Path, path: str, data: bytes) -> None:
    """Write a file of the submission; a name that this system cannot hold is left out.

    Raises OSError where it is not the name: no file of a student vanishes on a full disk.
    """
    try:
        target = room / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    except ValueError:
        return
    except OSError as error:
        if error.errno not in BAD_NAME:
            raise


def _clear(room: Path) -> None:
    from checks.grader.running.server import remove

    remove(room)
