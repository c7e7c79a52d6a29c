"""The graph of a student's own code, for the page that is handed back.

It is recorded where the code was graded, in a confined process, and only where a picture says more
than the words: the lesson declares a graph, and one of its gradients or its value came out wrong.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checks.grader.records.verdict import LessonReport, Report
    from checks.grader.running.intake import LessonFile
    from checks.grader.running.server import Server

LARGEST = 100_000  # characters of a lesson's graphs; those of the course have a third of it
LIMIT = 2.0  # seconds for each step of a recording; a graph takes a tenth of one


def graphs(
    server: Server, lesson_files: Iterable[LessonFile], report: Report
) -> dict[str, list[dict[str, Any]]]:
    """By lesson, what a page needs to show the graph.

    Whatever comes of recording it, the grades stand: what cannot be recorded has no picture.
    """
    found = {}
    for lesson_file, lesson in zip(lesson_files, report.lessons, strict=True):
        wrong = _worth_drawing(lesson)
        if wrong:
            from checks.grader.figures.page import stories_from

            try:
                stories = stories_from(server, lesson_file, LIMIT, of=wrong, brief=True)
            except Exception:  # a student's numbers can be anything
                continue
            if len(json.dumps(stories)) <= LARGEST:
                found[lesson.lesson] = stories
    return found


def _worth_drawing(lesson: LessonReport) -> set[str]:
    """The exercises that came out wrong and have a graph."""
    wrong = {verdict.exercise for verdict in lesson.verdicts if verdict.status == "wrong"}
    if not wrong:
        return wrong
    from checks.grader.language import figure
    from checks.grader.language.lesson import load

    drawn = (one for one in load(lesson.lesson).figures if isinstance(one, figure.Graph))
    return wrong & {name for one in drawn for name in (one.exercise, one.hand) if name}
