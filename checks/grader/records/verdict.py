"""What was seen and what was judged: frozen records between the parts of the pipe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

Status = Literal[
    "passed",
    "wrong",
    "not_started",
    "error",
    "timeout",
    "crashed",
    "wrong_method",
    "course_error",
]

#: The code was run and did not get as far as an answer.
BROKE: tuple[Status, ...] = ("error", "timeout", "crashed")
SCHEMA = 1


@dataclass(frozen=True)
class Settings:
    """How a check is run. `time_limit` is in seconds, per exercise."""

    device: str = "cpu"
    dtype: Literal["float32", "float64"] = "float32"
    seed: int = 0
    time_limit: float = 10.0


@dataclass(frozen=True)
class Row:
    """One component in the table of a verdict. `autograd` is None where nothing is a gradient.

    is_right  within the tolerance of the judge, whatever the last digit says
    """

    quantity: str
    yours: Any
    autograd: Any
    by_hand: Any
    is_right: bool = False


@dataclass(frozen=True)
class Verdict:
    """The judgement on one exercise.

    misconception  the id of the first mistake named, None if none was
    message        one paragraph for the student, empty when passed
    case           the inputs of the first failing call
    line           where the student goes next, in the student's file
    excerpt        a line that Python cannot read, and a caret below the place
    """

    exercise: str
    status: Status
    max_points: int
    misconception: str | None = None
    message: str = ""
    case: Mapping[str, Any] = field(default_factory=dict)
    comparison: tuple[Row, ...] = ()
    line: int | None = None
    printed: str = ""
    excerpt: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        return self.status == "passed"

    @property
    def not_started(self) -> bool:
        return self.status == "not_started"

    @property
    def at_fault(self) -> bool:
        """Whether there is something to mend: begun, and not passed."""
        return not (self.passed or self.not_started)

    @property
    def points(self) -> int:
        return self.max_points if self.passed else 0


@dataclass(frozen=True)
class LessonReport:
    """The verdicts of one lesson file."""

    lesson: str
    title: str
    path: str
    verdicts: tuple[Verdict, ...]

    @property
    def passed(self) -> bool:
        return all(verdict.passed for verdict in self.verdicts)

    @property
    def not_started(self) -> bool:
        return all(verdict.not_started for verdict in self.verdicts)

    @property
    def points(self) -> int:
        return sum(verdict.points for verdict in self.verdicts)

    @property
    def max_points(self) -> int:
        return sum(verdict.max_points for verdict in self.verdicts)


class Scored(Protocol):
    """What has points, out of so many."""

    @property
    def points(self) -> int: ...

    @property
    def max_points(self) -> int: ...


class Sum:
    """The points of lessons together."""

    lessons: tuple[Scored, ...]

    @property
    def points(self) -> int:
        return sum(lesson.points for lesson in self.lessons)

    @property
    def max_points(self) -> int:
        return sum(lesson.max_points for lesson in self.lessons)


@dataclass(frozen=True)
class Report(Sum):
    """A whole check."""

    settings: Settings
    lessons: tuple[LessonReport, ...]

    @property
    def passed(self) -> bool:
        return all(lesson.passed for lesson in self.lessons)

    def as_json(self) -> dict[str, Any]:
        """The report in the documented schema (version 1)."""
        return {
            "schema": SCHEMA,
            "device": self.settings.device,
            "dtype": self.settings.dtype,
            "seed": self.settings.seed,
            "points": self.points,
            "max_points": self.max_points,
            "lessons": [_lesson_json(lesson) for lesson in self.lessons],
        }


def plain(value: Any) -> Any:
    """A value that JSON can hold: numbers that are not finite become strings."""
    if isinstance(value, float) and not math.isfinite(value):
        return "nan" if math.isnan(value) else "inf" if value > 0 else "-inf"
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return value


def _lesson_json(lesson: LessonReport) -> dict[str, Any]:
    return {
        "lesson": lesson.lesson,
        "title": lesson.title,
        "points": lesson.points,
        "max_points": lesson.max_points,
        "exercises": [
            {
                "exercise": verdict.exercise,
                "status": verdict.status,
                "points": verdict.points,
                "max_points": verdict.max_points,
                "misconception": verdict.misconception,
                "message": verdict.message,
                "case": plain(verdict.case),
                "comparison": [
                    {
                        "quantity": row.quantity,
                        "yours": plain(row.yours),
                        "autograd": plain(row.autograd),
                        "by_hand": plain(row.by_hand),
                    }
                    for row in verdict.comparison
                ],
            }
            for verdict in lesson.verdicts
        ],
    }
