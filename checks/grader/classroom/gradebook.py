"""What a class did, added up one result at a time."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.result import LessonResult, Result
from checks.grader.records.verdict import BROKE

BINS = 10


@dataclass(frozen=True)
class Line:
    """A line of the journal: whose result is written, and what decided about it.

    key   changes with the content, the checks and the seed; empty if it has to be graded again
    slow  how long it took, in whole time limits
    isolation  the sentence on what held while it was graded
    """

    student: str
    key: str
    slow: int
    notes: tuple[str, ...] = ()
    isolation: str = ""


@dataclass(frozen=True)
class Row:
    """What the tables say of one student. Who could not be graded has no points, and a word why.

    points  points and maximum of each lesson
    words   a sentence for everything that lost points
    reasons those of them that say why no code was run
    """

    entry: Entry
    points: tuple[tuple[int, int], ...] = ()
    words: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.total < self.most and not self.words:
            raise ValueError(f"{self.entry.student} lost points without a word")
        if not self.points and not self.notes:
            raise ValueError(f"{self.entry.student} was not graded, without a word")

    @property
    def total(self) -> int:
        return sum(points for points, _ in self.points)

    @property
    def most(self) -> int:
        return sum(most for _, most in self.points)


@dataclass
class Tally:
    """One exercise: how many have which status."""

    lesson: str
    exercise: str
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass
class Mistake:
    """One named mistake in one lesson: who makes it where, the course's words, how it looks.

    places    by exercise, the students as indices of rows
    says      by exercise, the course's own words
    written   by exercise, the two shortest ways in which it was written
    """

    lesson: str
    id: str
    places: dict[str, list[int]] = field(default_factory=dict)
    says: dict[str, str] = field(default_factory=dict)
    written: dict[str, list[tuple[int, str]]] = field(default_factory=dict)

    @property
    def snippets(self) -> list[str]:
        """How it was written where most make it."""
        return [source for _, source in self.written.get(self.main, [])]

    @property
    def students(self) -> set[int]:
        """Everybody once, in however many exercises."""
        return {index for students in self.places.values() for index in students}

    @property
    def main(self) -> str:
        """The exercise in which most make it."""
        return min(self.places, key=lambda name: (-len(self.places[name]), name))


@dataclass
class Alike:
    """Wrong answers without a name that are the same number for number."""

    lesson: str
    exercise: str
    case: Mapping[str, Any]
    comparison: Sequence[Mapping[str, Any]]
    students: list[int] = field(default_factory=list)


@dataclass
class Gradebook:
    """The sums over a class. Grows with the number of students by a row for each.

    stems    the lessons that were asked for
    bins     how many have 0–9 %, 10–19 %, …, 90–99 %, all points
    failing  who has how many exercises that raised, ran too long or crashed
    slow     who took long, in whole time limits
    lost     who could not be graded, wholly or in part, and why
    copies   who handed in a lesson file with the same text
    isolation  what held, for whom
    """

    stems: Sequence[str] = ()
    rows: list[Row] = field(default_factory=list)
    bins: list[int] = field(default_factory=lambda: [0] * (BINS + 1))
    titles: dict[str, str] = field(default_factory=dict)
    most: dict[str, int] = field(default_factory=dict)
    ran: Counter[str] = field(default_factory=Counter)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    mistakes: dict[tuple[str, str], Mistake] = field(default_factory=dict)
    alike: dict[bytes, Alike] = field(default_factory=dict)
    copies: dict[tuple[str, str], list[int]] = field(default_factory=dict)
    failing: list[tuple[Entry, Counter[str]]] = field(default_factory=list)
    slow: list[tuple[Entry, int]] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    isolation: str = ""

    @property
    def graded(self) -> list[Row]:
        return [row for row in self.rows if row.points]

    @property
    def students(self) -> int:
        return len(self.graded)

    def add(self, line: Line, entry: Entry, result: Result) -> None:
        """Take in one student's result."""
        index = len(self.rows)
        points = tuple((lesson.points, lesson.max_points) for lesson in result.lessons)
        words, reasons = tuple(result.words), tuple(result.reasons)
        self.rows.append(Row(entry, points, words, reasons, line.notes))
        self.bins[BINS * result.points // max(1, result.max_points)] += 1
        failed: Counter[str] = Counter()
        for lesson in result.lessons:
            self.titles[lesson.stem] = lesson.title
            self.most[lesson.stem] = lesson.max_points
            self.ran[lesson.stem] += bool(lesson.file)
            if lesson.digest:
                self.copies.setdefault((lesson.stem, lesson.digest), []).append(index)
            for exercise in lesson.exercises:
                self._count(index, lesson, exercise)
                if exercise["status"] in BROKE and lesson.file:
                    failed[exercise["status"]] += 1
        if failed:
            self.failing.append((entry, failed))
        if line.slow:
            self.slow.append((entry, line.slow))

    def add_lost(self, entry: Entry, reason: str) -> None:
        """Take in a student who could not be graded."""
        self.rows.append(Row(entry, notes=(f"not graded: {reason}",)))

    def shared(self, lesson: str) -> list[Mistake]:
        """The mistakes of a lesson, most shared first."""
        found = [mistake for mistake in self.mistakes.values() if mistake.lesson == lesson]
        return sorted(found, key=lambda mistake: (-len(mistake.students), mistake.id))

    def nameless(self, lesson: str) -> list[Alike]:
        """Wrong answers of a lesson that several students give and that have no name."""
        found = [a for a in self.alike.values() if a.lesson == lesson and len(a.students) > 1]
        return sorted(found, key=lambda a: (-len(a.students), a.exercise, a.students))

    def identical(self) -> list[tuple[str, list[int]]]:
        """Lesson and students of every file that more than one handed in, largest first."""
        found = [(stem, who) for (stem, _), who in self.copies.items() if len(who) > 1]
        return sorted(found, key=lambda pair: (-len(pair[1]), pair))

    def _count(self, index: int, lesson: LessonResult, exercise: Mapping[str, Any]) -> None:
        name, id = exercise["exercise"], exercise["misconception"]
        tally = self.tallies.setdefault((lesson.stem, name), Tally(lesson.stem, name))
        tally.statuses[exercise["status"] if lesson.file else "not_handed_in"] += 1
        if id:
            mistake = self.mistakes.setdefault((lesson.stem, id), Mistake(lesson.stem, id))
            mistake.places.setdefault(name, []).append(index)
            mistake.says[name] = exercise.get("says", "")
            code = exercise.get("code", "")
            known = mistake.written.setdefault(name, [])
            if code and (len(code), code) not in known:
                mistake.written[name] = sorted([*known, (len(code), code)])[:2]
        elif exercise["status"] == "wrong" and exercise["comparison"]:
            self._take_nameless(index, lesson, exercise)

    def _take_nameless(self, index: int, lesson: LessonResult, exercise: Mapping[str, Any]) -> None:
        values = [(row["quantity"], _digits(row["yours"])) for row in exercise["comparison"]]
        what = repr((lesson.stem, exercise["exercise"], exercise["case"], values))
        key = hashlib.sha256(what.encode(errors="replace")).digest()[:12]
        if key not in self.alike:
            name, case = exercise["exercise"], exercise["case"]
            self.alike[key] = Alike(lesson.stem, name, case, exercise["comparison"])
        self.alike[key].students.append(index)


def _digits(value: Any) -> Any:
    """A number to the digits that float32 keeps, whatever holds it."""
    if isinstance(value, float):
        return f"{value:.5g}"
    return [_digits(item) for item in value] if isinstance(value, list) else value
