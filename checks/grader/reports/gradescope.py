"""The report in the words of Gradescope: the results.json of its autograders."""

from __future__ import annotations

from typing import Any

from checks.grader.records.verdict import LessonReport, Report, Row, Verdict
from checks.grader.reports.terminal import WORDS, readable, safe


def gradescope(report: Report) -> dict[str, Any]:
    """One test per exercise; the misconception is a tag. Everything is visible to the student."""
    return {
        "score": report.points,
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "output_format": "text",
        "tests": [_test(lesson, v) for lesson in report.lessons for v in lesson.verdicts],
    }


def _test(lesson: LessonReport, verdict: Verdict) -> dict[str, Any]:
    passed = verdict.status == "passed"
    lines = [] if passed else [WORDS[verdict.status], safe(verdict.message)]
    lines += [_row(row) for row in verdict.comparison]
    return {
        "score": verdict.points,
        "max_score": verdict.max_points,
        "status": "passed" if passed else "failed",
        "name": f"{lesson.lesson}.{verdict.exercise}",
        "output": "\n".join(line for line in lines if line),
        "output_format": "text",
        "tags": [verdict.misconception] if verdict.misconception else [],
        "visibility": "visible",
    }


def _row(row: Row) -> str:
    return f"{row.quantity}: yours {readable(row.yours)}, right is {readable(row.by_hand)}"
