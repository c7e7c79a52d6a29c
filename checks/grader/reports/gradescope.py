"""The report in the words of Gradescope: the results.json of its autograders."""

from __future__ import annotations

from typing import Any

from checks.grader.records.verdict import LessonReport, Report, Row, Verdict
from checks.grader.reports.words import WORDS, readable, safe


def gradescope(report: Report, told: str = "") -> dict[str, Any]:
    """One test per exercise; the misconception is a tag. All of it is visible to the student.

    told   what only the instructor is told, in a test of no points that students do not see
    """
    return {
        "score": report.points,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "output_format": "text",
        "tests": [
            *(_test(lesson, v) for lesson in report.lessons for v in lesson.verdicts),
            *([_for_the_instructor(told)] if told else []),
        ],
    }


def _for_the_instructor(told: str) -> dict[str, Any]:
    return {
        "score": 0,
        "max_score": 0,
        "status": "passed",
        "name": "isolation",
        "output": told,
        "output_format": "text",
        "tags": [],
        "visibility": "hidden",
    }


def _test(lesson: LessonReport, verdict: Verdict) -> dict[str, Any]:
    lines = [] if verdict.passed else [WORDS[verdict.status], safe(verdict.message)]
    lines += [_row(row) for row in verdict.comparison]
    return {
        "score": verdict.points,
        "max_score": verdict.max_points,
        "status": "passed" if verdict.passed else "failed",
        "name": f"{lesson.lesson}.{verdict.exercise}",
        "output": "\n".join(line for line in lines if line),
        "output_format": "text",
        "tags": [verdict.misconception] if verdict.misconception else [],
        "visibility": "visible",
    }


def _row(row: Row) -> str:
    return f"{row.quantity}: yours {readable(row.yours)}, right is {readable(row.by_hand)}"
