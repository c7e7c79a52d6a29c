"""What a class did, added up one report at a time, and the table of grades."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, TextIO

from checks.grader.classroom.roster import Entry

BINS = 10
#: Statuses that say: the code did not get as far as a wrong answer.
FAILING = ("error", "timeout", "crashed")


@dataclass(frozen=True)
class Line:
    """A line of the journal: whose result is written, and what decided about it.

    key   changes with the content, the checks and the seed
    slow  how long it took, in whole time limits
    """

    student: str
    key: str
    slow: int
    notes: tuple[str, ...] = ()


@dataclass
class Tally:
    """One exercise: how many have which status, and who shares which misconception."""

    lesson: str
    exercise: str
    points: int
    statuses: Counter[str] = field(default_factory=Counter)


@dataclass
class Place:
    """One exercise in which a mistake was made: by whom, and the shortest of what they read."""

    message: str
    who: list[Entry] = field(default_factory=list)


@dataclass
class Misconception:
    """One named mistake. `students` counts everybody once, in however many exercises."""

    id: str
    students: int = 0
    places: dict[tuple[str, str], Place] = field(default_factory=dict)


@dataclass
class Gradebook:
    """The sums over a class. Grows with the number of students only by their names.

    bins     how many have 0–9 %, 10–19 %, …, 90–99 %, all points
    failing  who has how many exercises that raised, ran too long or crashed
    slow     who took long, in whole time limits
    """

    students: int = 0
    points: int = 0
    max_points: int = 0
    bins: list[int] = field(default_factory=lambda: [0] * (BINS + 1))
    titles: dict[str, str] = field(default_factory=dict)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    misconceptions: dict[str, Misconception] = field(default_factory=dict)
    failing: list[tuple[Entry, Counter[str]]] = field(default_factory=list)
    slow: list[tuple[Entry, int]] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)

    def add(self, line: Line, entry: Entry, report: dict[str, Any]) -> None:
        """Take in one student's report."""
        self.students += 1
        self.points += report["points"]
        self.max_points = max(self.max_points, report["max_points"])
        self.bins[BINS * report["points"] // max(1, report["max_points"])] += 1
        failed: Counter[str] = Counter()
        named: set[str] = set()
        for lesson in report["lessons"]:
            self.titles[lesson["lesson"]] = lesson["title"]
            for exercise in lesson["exercises"]:
                self._count(entry, lesson["lesson"], exercise)
                named.add(exercise["misconception"] or "")
                if exercise["status"] in FAILING:
                    failed[exercise["status"]] += 1
        for id in named - {""}:
            self.misconceptions[id].students += 1
        if failed:
            self.failing.append((entry, failed))
        if line.slow:
            self.slow.append((entry, line.slow))

    def ranked(self) -> list[Misconception]:
        """The misconceptions, most shared first."""
        return sorted(self.misconceptions.values(), key=lambda m: (-m.students, m.id))

    def _count(self, entry: Entry, lesson: str, exercise: dict[str, Any]) -> None:
        name, id = exercise["exercise"], exercise["misconception"]
        tally = self.tallies.setdefault((lesson, name), Tally(lesson, name, exercise["max_points"]))
        tally.statuses[exercise["status"]] += 1
        if id:
            places = self.misconceptions.setdefault(id, Misconception(id)).places
            place = places.setdefault((lesson, name), Place(exercise["message"]))
            place.who.append(entry)
            place.message = min(place.message, exercise["message"], key=len)


def write_grades(
    reports: Iterable[tuple[Line, Entry, dict[str, Any]]], book: Gradebook, file: TextIO
) -> None:
    """A row per student: points per lesson, total, notes. Adds every report to the book."""
    rows = csv.writer(file, lineterminator="\n")
    lessons: list[str] = []
    for line, entry, report in reports:
        if not lessons:
            lessons = [lesson["lesson"] for lesson in report["lessons"]]
            rows.writerow(["student", *lessons, "total", "notes"])
        points = [lesson["points"] for lesson in report["lessons"]]
        notes = cell("; ".join(line.notes))
        rows.writerow([cell(entry.student), *points, report["points"], notes])
        book.add(line, entry, report)
    if not lessons:
        rows.writerow(["student", "total", "notes"])


def cell(text: str) -> str:
    """Text that a spreadsheet takes for text and not for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r", "\n") else text
