"""A report in a notebook: what the terminal shows, as HTML. Pure, and without scripts."""

from __future__ import annotations

import html
from collections.abc import Sequence

from checks.grader.records.course import number
from checks.grader.records.verdict import LessonReport, Report, Row, Verdict
from checks.grader.reports.terminal import MARKS, faults_of, next_step, place, where
from checks.grader.reports.words import WORDS, safe, short

#: Readable on a light page and on a dark one.
COLOURS = {"✓": "#1a7f37", "✗": "#d1242f", "·": "#818b98"}
LEFT = "text-align: left; padding-right: 1.5em"
RIGHT = "text-align: right; padding-left: 1.5em; font-variant-numeric: tabular-nums"


def render(report: Report) -> str:
    """One exercise in a line; a lesson as a table; what is wrong in full; the score once."""
    single = len(report.lessons) == 1 and len(report.lessons[0].verdicts) == 1
    every = len(report.lessons) == 1
    blocks = [_lesson(lesson, every_message=every, rows=not single) for lesson in report.lessons]
    end = "" if single else _end(report)
    return f'<div style="max-width: 52em; line-height: 1.4">{"".join(blocks)}{end}</div>'


def _lesson(lesson: LessonReport, *, every_message: bool, rows: bool) -> str:
    faults = "".join(_fault(lesson, v) for v in faults_of(lesson, every_message=every_message))
    if not rows:
        return _single(lesson.verdicts[0]) + faults
    head = f"<h4>{_text(f'Lesson {number(lesson.lesson)} · {lesson.title}')}</h4>"
    return f"{head}<table>{''.join(map(_row_of, lesson.verdicts))}</table>{faults}"


def _single(verdict: Verdict) -> str:
    what = f"{verdict.exercise} {WORDS[verdict.status] or 'is right'}"
    if verdict.not_started:
        what = f"{what}. {verdict.message}"
    points = f"{verdict.points} of {verdict.max_points} points"
    return f"<p>{_mark(verdict)} <b>{_text(what)}</b> · {points}</p>"


def _row_of(verdict: Verdict) -> str:
    points = f"{verdict.points} of {verdict.max_points}"
    cells = (_mark(verdict), *map(_text, (verdict.exercise, WORDS[verdict.status], points)))
    return _row(cells, (LEFT, LEFT, LEFT, RIGHT))


def _fault(lesson: LessonReport, verdict: Verdict) -> str:
    printed = verdict.printed.strip()
    return "".join(
        (
            f"<p><b>{_text(where(verdict))}</b></p>",
            _comparison(verdict.comparison) if verdict.comparison else "",
            _paragraphs(verdict.message),
            f"<p>you printed:</p><pre>{_text(printed, keep_lines=True)}</pre>" if printed else "",
            _pointer(lesson, verdict),
        )
    )


def _pointer(lesson: LessonReport, verdict: Verdict) -> str:
    """The file and line; of a function of the notebook itself the line of its cell."""
    if lesson.path.endswith((".py", ".ipynb")):
        return f"<p>→ <code>{_text(place(lesson, verdict))}</code></p>"
    one_cell = len(lesson.verdicts) == 1 and verdict.line
    return f"<p>→ line {verdict.line} of its cell</p>" if one_cell else ""


def _comparison(rows: Sequence[Row]) -> str:
    gradient = any(row.autograd is not None for row in rows)
    heads = ("", "yours", "autograd", "by hand") if gradient else ("", "yours", "expected")
    styles = (LEFT, *(RIGHT for _ in heads[1:]))
    lines = [_row(heads, styles)]
    for row in rows:
        others = [short(row.autograd)] if gradient else []
        right = short(row.by_hand)
        wrong = f"{RIGHT}; color: {COLOURS['✗']}" if not row.is_right else RIGHT
        cells = [_text(cell) for cell in (row.quantity, short(row.yours), *others, right)]
        lines.append(_row(cells, (LEFT, wrong, *styles[2:])))
    return f"<table>{''.join(lines)}</table>"


def _end(report: Report) -> str:
    following = next_step(report)
    after = "Everything asked for is done. Well done!"
    if following is not None:
        after = f"Next: {following[1].exercise} of lesson {number(following[0].lesson)}"
    points = f"{report.points} of {report.max_points} points"
    return f"<p><b>{points}</b></p><p>{_text(after)}</p>"


def _mark(verdict: Verdict) -> str:
    mark = MARKS.get(verdict.status, "✗")
    return f'<span style="color: {COLOURS[mark]}">{mark}</span>'


def _row(cells: Sequence[str], styles: Sequence[str]) -> str:
    both = zip(cells, styles, strict=True)
    return "<tr>" + "".join(f'<td style="{style}">{cell}</td>' for cell, style in both) + "</tr>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_text(line)}</p>" for line in text.splitlines())


def _text(text: str, *, keep_lines: bool = False) -> str:
    """Text of a student or about one: nothing in it is markup."""
    return html.escape(safe(text, keep_lines=keep_lines))
