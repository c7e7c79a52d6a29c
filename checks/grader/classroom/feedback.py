"""feedback/<student>.html: what a student is told, on a page that can be handed back as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.look import code, document, inputs, number, text
from checks.grader.classroom.result import LessonResult, Result, is_passed
from checks.grader.records import course
from checks.grader.reports.words import WORDS

ROWS = 30  # of a table of values
STYLE = """
main > section { border-top: 1px solid var(--line); margin-top: 1.5rem; }
main > section > h2 { display: flex; justify-content: space-between; gap: 1rem; margin-top: .8rem; }
section h2 span { white-space: nowrap; } .ok { color: var(--passed); }
h3 .bad { color: var(--wrong); } .values { width: auto; } .picture .bar { height: auto; }
.picture { border: 1px solid var(--line); border-radius: 6px; margin-top: 1rem; }
@media print { .picture { break-inside: avoid; border: 0; }
  .picture .step-through :is(.bar, .keys, .part, form, details, [data-part=inputs],
  [data-part=say], [data-part=answer]) { display: none; }
  .picture .step-through [data-part=picture] { max-height: none; border: 0; }
  .picture .step-through [data-part=picture] svg { max-width: 100%; height: auto; } }
"""


def feedback(entry: Entry, result: Result, notes: Sequence[str] = ()) -> str:
    """The page of one student, with the graph of the student's own code where there is one."""
    body = _pieces(entry, result, notes)
    allowed = None
    if any(lesson.graphs for lesson in result.lessons):
        from checks.grader.figures.page import content_policy

        allowed = content_policy()
    title = f"Backpropagation: {entry.student}"
    return "\n".join(document(title, body, STYLE, allowed)) + "\n"


def _pieces(entry: Entry, result: Result, notes: Sequence[str]) -> Iterator[str]:
    yield f"<header><h1>{text(entry.student)}</h1>"
    yield f"<p>{result.points} of {result.max_points} points</p>"
    for note in notes:
        yield f'<p class="dim">{text(note)}</p>'
    yield "</header><main>"
    for lesson in result.lessons:
        yield from _lesson(lesson)
    yield "</main>"
    if any(lesson.graphs for lesson in result.lessons):
        from checks.grader.figures.page import assets

        yield assets()


def _lesson(lesson: LessonResult) -> Iterator[str]:
    name = f"Lesson {course.number(lesson.stem)} · {text(lesson.title)}"
    yield f"<section><h2>{name} <span>{lesson.points} of {lesson.max_points}</span></h2>"
    if lesson.reason:
        yield f"<p>No code was run: {text(lesson.reason.rstrip('.'))}.</p></section>"
        return
    yield f'<p class="dim">Graded: <code>{text(lesson.file)}</code></p>'
    for passed, exercises in groupby(lesson.exercises, is_passed):
        if passed:
            names = ", ".join(text(exercise["exercise"]) for exercise in exercises)
            yield f'<p><span class="ok">✓</span> {names}</p>'
            continue
        for exercise in exercises:
            yield from _exercise(exercise)
    for graph in lesson.graphs:
        from checks.grader.figures.page import fragment

        ended = {**graph, "ended": True}  # all of it is seen at once, on paper as well
        yield f'<div class="picture">{fragment(ended, level=3)}</div>'
    yield "</section>"


def _exercise(exercise: Mapping[str, Any]) -> Iterator[str]:
    status, name = exercise["status"], text(exercise["exercise"])
    if status == "not_started":
        yield f'<p class="dim">· {name} not started. {text(exercise["message"])}</p>'
        return
    points = f"{exercise['points']} of {exercise['max_points']}"
    yield f'<article><h3><span class="bad">✗</span> {name} '
    yield f"<small>{WORDS[status]}, {points}</small></h3>"
    yield f"<p>{text(exercise['message'])}</p>"
    yield from _values(exercise)
    snippet = exercise.get("code", "")
    if snippet:
        yield f"<details><summary>What was run</summary><pre>{code(snippet)}</pre></details>"
    yield "</article>"


def _values(exercise: Mapping[str, Any]) -> Iterator[str]:
    if not exercise["comparison"]:
        return
    at = inputs(exercise["case"])
    if at:
        yield f'<p class="dim">At {text(at)}:</p>'
    yield '<table class="values"><thead><tr><th></th><th class="count">yours</th>'
    yield '<th class="count">right</th></tr></thead><tbody>'
    for row in exercise["comparison"][:ROWS]:
        right = row["by_hand"] if row["by_hand"] is not None else row["autograd"]
        cells = "".join(f'<td class="count">{text(number(v))}</td>' for v in (row["yours"], right))
        yield f"<tr><td>{text(row['quantity'])}</td>{cells}</tr>"
    yield "</tbody></table>"
