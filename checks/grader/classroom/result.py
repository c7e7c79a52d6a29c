"""The result of one student, and the rule that it has to keep: no zero without a reason.

Every table and every page is made from `Result`, and a `Result` cannot be made of a lesson that
lost points and says nothing: it has a verdict on code that was run for each exercise that is not
passed, or the sentence why no code was run.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from checks.grader.classroom import anatomy
from checks.grader.classroom.matching import Code, NoCode
from checks.grader.classroom.submission import Submission
from checks.grader.records.course import number
from checks.grader.records.verdict import Sum
from checks.grader.reports.words import WORDS

if TYPE_CHECKING:
    from checks.grader.records.verdict import Report

#: What a verdict says when it has no sentence of its own.
STATUS = {
    "wrong": "Not right yet.",
    "not_started": "Not started.",
    "error": "It raised an error.",
    "timeout": "It ran longer than the time limit.",
    "crashed": "Its process ended.",
    "wrong_method": "Right, but not by the method that was asked for.",
    "course_error": "The course is wrong here: tell your instructor.",
}


class Unexplained(Exception):
    """A result with points lost and no word why. It is never written."""


@dataclass(frozen=True)
class LessonResult:
    """One lesson of one student. Raises Unexplained.

    file       what was graded, "" if nothing was
    reason     why no code was run, "" if it was
    digest     the same for the same text; "" for stubs
    exercises  as they stand in the result file
    graphs     of the student's own code, for a page to step through
    """

    stem: str
    title: str
    points: int
    max_points: int
    file: str
    reason: str
    digest: str
    exercises: Sequence[Mapping[str, Any]]
    graphs: Sequence[dict[str, Any]] = ()

    def __post_init__(self) -> None:
        if self.points >= self.max_points:
            return
        if bool(self.file) == bool(self.reason.strip()):
            raise Unexplained(f"{self.stem}: {self.points} points, and neither code nor a reason")
        for exercise in self.lost:
            if not exercise["message"].strip():
                raise Unexplained(f"{self.stem}: no word on {exercise['exercise']}")

    @property
    def lost(self) -> list[Mapping[str, Any]]:
        """The exercises that are not passed."""
        return [exercise for exercise in self.exercises if not is_passed(exercise)]

    @property
    def words(self) -> str:
        """The verdicts on what is not passed, in a few words."""
        lost = []
        for status, group in groupby(self.lost, key=lambda e: e["status"]):
            names = [_with_id(exercise) for exercise in group]
            lost.append(f"{', '.join(names)} {WORDS[status]}")
        return f"lesson {number(self.stem)}: {', '.join(lost)}" if lost else ""


@dataclass(frozen=True)
class Result(Sum):
    """What a student did, as it stands in results/<student>.json."""

    lessons: tuple[LessonResult, ...]

    @property
    def reasons(self) -> list[str]:
        """Why no code was run, lessons with the same reason together."""
        return told_together(
            [(number(lesson.stem), lesson.reason) for lesson in self.lessons if lesson.reason]
        )

    @property
    def words(self) -> list[str]:
        """A sentence for everything that lost points."""
        ran = [lesson.words for lesson in self.lessons if not lesson.reason]
        return [*self.reasons, *(words for words in ran if words)]


def is_passed(exercise: Mapping[str, Any]) -> bool:
    """Whether an exercise of a result file is."""
    return bool(exercise["status"] == "passed")


def result_of(report: Mapping[str, Any]) -> Result:
    """The result that a file holds. Raises Unexplained, KeyError, TypeError."""
    return Result(
        tuple(
            LessonResult(
                lesson["lesson"],
                lesson["title"],
                lesson["points"],
                lesson["max_points"],
                lesson["file"],
                lesson["reason"],
                lesson["digest"],
                lesson["exercises"],
                lesson.get("graphs", ()),
            )
            for lesson in report["lessons"]
        )
    )


def as_json(
    report: Report, submission: Submission, graphs: Mapping[str, Any] = MappingProxyType({})
) -> dict[str, Any]:
    """The report in the schema of `check`, and for every lesson which file was graded or why none.

    Where something is not passed, `code` shows what was run, without comments and strings, and
    `says` is what the course says of a named mistake, whoever makes it; `graphs` are those of the
    lessons that have some to show.
    Raises Unexplained.
    """
    whole = report.as_json()
    for lesson in whole["lessons"]:
        taken = submission.lessons[lesson["lesson"]]
        lesson["file"] = taken.path if isinstance(taken, Code) else ""
        lesson["reason"] = taken.reason if isinstance(taken, NoCode) else ""
        lesson["digest"] = _digest(taken, lesson["lesson"])
        if lesson["lesson"] in graphs:
            lesson["graphs"] = graphs[lesson["lesson"]]
        for exercise in lesson["exercises"]:
            if is_passed(exercise):
                continue
            exercise["message"] = exercise["message"].strip() or STATUS[exercise["status"]]
            exercise["says"] = _says(lesson["lesson"]).get(_place(exercise), "")
            if isinstance(taken, Code):
                exercise["code"] = anatomy.snippet(taken.text, exercise["exercise"])
    result_of(whole)
    return whole


def not_handed_in(report: Report, submission: Submission) -> Report:
    """A lesson that was not handed in is not an error: it was not started."""
    lessons = []
    for lesson in report.lessons:
        taken = submission.lessons[lesson.lesson]
        if isinstance(taken, NoCode) and not taken.unread:
            verdicts = tuple(replace(v, status="not_started") for v in lesson.verdicts)
            lesson = replace(lesson, verdicts=verdicts)
        lessons.append(lesson)
    return replace(report, lessons=tuple(lessons))


def told_together(reasons: Sequence[tuple[int, str]]) -> list[str]:
    """Sentences by lesson; lessons with the same sentence together: "lessons 2–4: …"."""
    together: dict[str, list[int]] = {}
    for lesson, reason in reasons:
        plain = reason.replace(f"lesson {lesson}'s functions", "\0")
        together.setdefault(plain, []).append(lesson)
    told = []
    for plain, lessons in together.items():
        own = f"lesson {lessons[0]}'s functions" if len(lessons) == 1 else "their functions"
        told.append(f"{_numbers(lessons)}: {plain}".replace("\0", own))
    return told


def _numbers(lessons: list[int]) -> str:
    """lesson 3; lessons 2–4, 6."""
    runs = []
    for _, group in groupby(enumerate(sorted(lessons)), key=lambda pair: pair[1] - pair[0]):
        run = [lesson for _, lesson in group]
        runs.append(str(run[0]) if len(run) == 1 else f"{run[0]}–{run[-1]}")
    return f"lesson{'s' if len(lessons) > 1 else ''} {', '.join(runs)}"


@cache
def _says(stem: str) -> Mapping[tuple[str, str], str]:
    """What the course says of each mistake, by exercise and id."""
    from checks.grader.language.lesson import load

    exercises = load(stem).exercises
    return {(e.name, mistake.id): mistake.says for e in exercises for mistake in e.mistakes}


def _place(exercise: Mapping[str, Any]) -> tuple[str, str]:
    return exercise["exercise"], exercise["misconception"] or ""


def _digest(taken: Code | NoCode, stem: str) -> str:
    if isinstance(taken, NoCode) or not anatomy.written(taken.text, stem):
        return ""
    plain = "\n".join(line.rstrip() for line in taken.text.splitlines()).strip()
    return hashlib.sha256(plain.encode(errors="replace")).hexdigest()[:16]


def _with_id(exercise: Mapping[str, Any]) -> str:
    id = exercise["misconception"]
    return f"{exercise['exercise']} ({id})" if id else str(exercise["exercise"])
