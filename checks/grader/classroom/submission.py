"""What a student handed in: the files, and which of them is graded for which lesson."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from checks.grader.classroom.contents import Collected, Member, Read, from_folder
from checks.grader.classroom.matching import Code, Match, NoCode, Use
from checks.grader.classroom.shown import cell
from checks.grader.records import course
from checks.grader.running.intake import LessonFile

NOTHING = "nothing was handed in"


@dataclass(frozen=True)
class Submission:
    """One student's files by path ("lesson1_linear.py", "week 1/lesson1_linear.py").

    lessons  for each lesson that was asked for, the code that is graded or the reason why there is
             none; found by the files if it is not given
    notes    what the instructor should know
    uses     what was made of every file
    """

    files: Mapping[str, bytes] = field(default_factory=dict)
    lessons: Mapping[str, Code | NoCode] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    uses: tuple[Use, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        if not self.lessons:
            files = [Read(path, data) for path, data in self.files.items()]
            matched = Match(files, course.stems(), list(self.files)).run()
            object.__setattr__(self, "lessons", matched.lessons)

    @property
    def digest(self) -> str:
        """The same for the same content."""
        total = hashlib.sha256()
        for stem, lesson in self.lessons.items():
            taken = isinstance(lesson, Code)
            parts = (lesson.path, lesson.text) if isinstance(lesson, Code) else (lesson.reason,)
            for part in (stem, str(taken), *parts):
                total.update(_field(part.encode(errors="replace")))
        for path in sorted(self.files):
            total.update(_field(path.encode(errors="replace")))
            total.update(_field(self.files[path]))
        return total.hexdigest()

    def lesson_file(self, stem: str, room: Path) -> LessonFile:
        """What is graded for a lesson, in the only folder that its process may use."""
        lesson = self.lessons[stem]
        if isinstance(lesson, NoCode):
            problem = lesson.reason[:1].upper() + lesson.reason[1:].rstrip(".") + "."
            return LessonFile(stem, room / f"{stem}.py", None, problem)
        return LessonFile(stem, room / lesson.path, lesson.text, room=room)


@dataclass(frozen=True)
class Taken:
    """Files to read: of which attempt, and the only origin that is wanted ("" for all)."""

    members: Iterable[Member]
    attempt: str = ""
    only: str = ""


def submission_of(
    parts: Sequence[Taken],
    stems: Sequence[str],
    given: Mapping[str, str] | None = None,
    apart: frozenset[str] = frozenset(),
) -> Submission:
    """Read what a student handed in.

    given  what a person said: by origin, as cells name it, the lesson or "" for none
    apart  origins of files that are not this student's
    """
    collected = Collected(apart=apart)
    for part in parts:
        collected.take(part.members, part.attempt, part.only)
    if not parts:
        return Submission(lessons={stem: NoCode(NOTHING) for stem in stems})
    troubles = list(collected.refused)
    if collected.left_out:
        troubles.append(f"{collected.left_out} files were not read: too many or too large")
    files = _apart(collected.files)
    said = {f.path: given[cell(f.origin)] for f in files if given and cell(f.origin) in given}
    names, passed = list(collected.names), list(collected.passed)
    matched = Match(files, stems, names, troubles, passed, said).run()
    origins = collected.names | {file.path: file.origin for file in files}
    uses = tuple(replace(use, path=origins.get(use.path, use.path)) for use in matched.uses)
    contents = {file.path: file.data for file in files if not file.problem}
    reasons = [taken.reason for taken in matched.lessons.values() if isinstance(taken, NoCode)]
    untold = (trouble for trouble in troubles if not any(trouble in r for r in reasons))
    notes = (*untold, *matched.notes)
    return Submission(contents, matched.lessons, notes, uses)


def open_submission(path: Path) -> Submission:
    """Read a folder, an archive or a file; all lessons."""
    members = (replace(m, flat=m.path == path.name) for m in from_folder(path, path.name))
    return submission_of([Taken(members)], course.stems())


def _apart(files: Sequence[Read]) -> list[Read]:
    """Each path once: if attempts have files of one name, all under the names of their attempts."""
    if len({file.path for file in files}) < len(files):
        names = [f"{f.attempt}/{f.path}" if f.attempt else f.origin for f in files]
        files = [replace(file, path=name) for file, name in zip(files, names, strict=True)]
    return list({file.path: file for file in files}.values())


def _field(data: bytes) -> bytes:
    return len(data).to_bytes(8, "little") + data
