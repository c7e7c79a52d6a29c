"""The tables of grades: grades.csv for people, and what Canvas and Moodle import."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from typing import TextIO

from checks.grader.classroom.gradebook import Row
from checks.grader.classroom.shown import cell
from checks.grader.records.course import number


class Grades:
    """grades.csv: a row per student, written one at a time."""

    def __init__(self, file: TextIO, stems: Sequence[str]) -> None:
        file.write("\ufeff")
        self._rows = csv.writer(file, lineterminator="\n")
        per_lesson = [name for stem in stems for name in (stem, f"{stem}_max")]
        head = ["student", "id", "email", *per_lesson, "total", "total_max", "notes"]
        self._rows.writerow(head)
        self._lessons = len(stems)

    def add(self, row: Row) -> None:
        """The row of a student; who was not graded has no numbers."""
        who = [cell(text) for text in (row.entry.student, row.entry.id, row.entry.email)]
        points: list[object] = [""] * (2 * self._lessons + 2)
        if row.points:
            points = [*(n for lesson in row.points for n in lesson), row.total, row.most]
        self._rows.writerow([*who, *points, cell("; ".join([*row.notes, *row.words]))])


class Canvas:
    """What Canvas takes under Grades, Import: an assignment per lesson, and one for all of them."""

    def __init__(self, file: TextIO, stems: Sequence[str], points: Sequence[int]) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        names = [f"Lesson {number(stem)}" for stem in stems]
        head = ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
        all_of_them = ["Backpropagation"] if len(stems) > 1 else []
        totals = [sum(points)] if len(stems) > 1 else []
        self._rows.writerow([*head, *names, *all_of_them])
        self._rows.writerow(["    Points Possible", "", "", "", "", *points, *totals])

    def add(self, row: Row) -> None:
        """The row of a student; who was not graded has none, so that no grade is overwritten."""
        entry = row.entry
        own = entry.platform_id if entry.platform in ("canvas", "") else ""
        sis = entry.id if entry.id != own else ""
        points = [points for points, _ in row.points]
        total = [row.total] if len(points) > 1 else []
        if points:
            who = (entry.student, own, sis, entry.login, "")
            self._rows.writerow([*map(cell, who), *points, *total])


class Moodle:
    """The grading sheet that Moodle takes in an assignment, under "Upload grading worksheet".

    The same file goes into the gradebook as a CSV import, by e-mail address or id number.
    """

    def __init__(self, file: TextIO) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        who = ("Identifier", "Full name", "ID number", "Email address")
        grade = ("Grade", "Maximum grade", "Last modified (grade)", "Feedback comments")
        self._rows.writerow([*who, *grade])

    def add(self, row: Row) -> None:
        """The row of a student; who was not graded has none."""
        entry = row.entry
        own = entry.platform_id if entry.platform in ("moodle", "") else ""
        who = (f"Participant {own}" if own else "", entry.student, entry.id, entry.email)
        comment = cell("; ".join(row.words) or "everything passed")
        if row.points:
            self._rows.writerow([*map(cell, who), row.total, row.most, "", comment])
