"""The terminal report. Pure: a report in, text out; nothing wider than 80 columns."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from checks.grader.records.course import number
from checks.grader.records.verdict import LessonReport, Report, Row, Verdict

WIDTH = 80
BAR = 12
MANY = 8  # entries of an input; of more the first three are shown
MARKS = {"passed": "✓", "not_started": "·"}
WORDS = {
    "wrong": "wrong",
    "not_started": "not started",
    "error": "error",
    "timeout": "time limit",
    "crashed": "crashed",
    "wrong_method": "wrong method",
    "course_error": "course error",
    "passed": "",
}


@dataclass(frozen=True)
class Ink:
    """Colours, or none."""

    on: bool = False

    def green(self, text: str) -> str:
        return self._paint(text, "32")

    def red(self, text: str) -> str:
        return self._paint(text, "31")

    def dim(self, text: str) -> str:
        return self._paint(text, "2")

    def bold(self, text: str) -> str:
        return self._paint(text, "1")

    def _paint(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.on and text else text


def render(report: Report, ink: Ink, *, every_message: bool = False) -> str:
    """The whole report. Per lesson the first fault in full; every fault if `every_message`."""
    blocks = [render_lesson(lesson, ink, every_message=every_message) for lesson in report.lessons]
    return "\n\n".join([*blocks, closing(report, ink)]) + "\n"


def render_lesson(lesson: LessonReport, ink: Ink, *, every_message: bool = False) -> str:
    """One lesson: bar and points, a line per exercise, the first fault."""
    lines = overview(lesson, ink)
    for verdict in faults_of(lesson, every_message=every_message):
        lines += ["", *render_fault(lesson, verdict, ink)]
    return "\n".join(lines)


def faults_of(lesson: LessonReport, *, every_message: bool) -> list[Verdict]:
    """The faults to show in full: the first, or every one that has something of its own to say."""
    faults = [v for v in lesson.verdicts if v.status not in ("passed", "not_started")]
    if len({verdict.message for verdict in lesson.verdicts}) == 1:
        return faults[:1]  # the file could not be imported: said once
    return faults if every_message else faults[:1]


def overview(lesson: LessonReport, ink: Ink) -> list[str]:
    """Bar and points of a lesson, then a line per exercise."""
    return [heading(lesson, ink), *(_exercise_line(verdict, ink) for verdict in lesson.verdicts)]


def render_fault(lesson: LessonReport, verdict: Verdict, ink: Ink) -> list[str]:
    """A fault: where, the table, the idea, the line to open."""
    lines = wrapped(where(verdict), "  ", ink.bold)
    if verdict.comparison:
        lines += _table(verdict.comparison, ink)
    lines += wrapped(safe(verdict.message), "  ")
    lines += [f"    {safe(line)}" for line in verdict.excerpt]
    if verdict.printed.strip():
        printed = safe(verdict.printed.strip(), keep_lines=True).splitlines()
        lines += [ink.dim(f"  you printed: {line[: WIDTH - 16]}") for line in printed[:5]]
    place = safe(lesson.path) + (f":{verdict.line}" if verdict.line else "")
    lines.append(f"  → {place}")
    return lines


def safe(text: str, *, keep_lines: bool = False) -> str:
    """Text from a student without what a terminal would obey."""
    allowed = "\n" if keep_lines else ""
    return "".join(
        c if c.isprintable() or c in allowed else "�" if c != "\n" else " " for c in text
    )


def short(value: Any) -> str:
    """A number as a table shows it."""
    if value is None:
        return "—"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return safe(str(value))[:24]
    return f"{value:.6g}".replace("-", "−")


def readable(value: Any) -> str:
    """An input as a student would write it."""
    if isinstance(value, list):
        shown = [readable(item) for item in (value[:3] if len(value) > MANY else value)]
        rest = [f"… {len(value)} in all"] if len(value) > MANY else []
        return f"({', '.join([*shown, *rest])})"
    return short(value)


def heading(lesson: LessonReport, ink: Ink) -> str:
    """A lesson in one line: title, bar, points."""
    done = lesson.points / lesson.max_points if lesson.max_points else 0.0
    full = round(done * BAR)
    bar = "█" * full + "░" * (BAR - full)
    points = f"{lesson.points} of {lesson.max_points} points"
    name = f"Lesson {number(lesson.lesson)} · {lesson.title}"
    room = WIDTH - BAR - len(points) - 4
    return f"{ink.bold(name[:room].ljust(room))}  {ink.green(bar)}  {points}"


def _exercise_line(verdict: Verdict, ink: Ink) -> str:
    mark = MARKS.get(verdict.status, "✗")
    paint = {"✓": ink.green, "✗": ink.red}.get(mark, ink.dim)
    points = f"{verdict.points} of {verdict.max_points}"
    return f"  {paint(mark)} {verdict.exercise:<26}{WORDS[verdict.status]:<14}{points:>8}"


def where(verdict: Verdict) -> str:
    """The exercise and the inputs of its first failing call."""
    case = ", ".join(_input(name, value) for name, value in verdict.case.items())
    text = f"{verdict.exercise} at {case}" if case else verdict.exercise
    return text if len(text) < 300 else text[:297] + "…"


def _input(name: str, value: Any) -> str:
    """`x = 2`; a function or a model in its own words, which may begin with its name."""
    if not isinstance(value, str):
        return f"{name} = {readable(value)}"
    named = value.startswith((f"{name}(", f"{name} ="))
    return safe(value) if named else f"{name} = {safe(value)}"


def _table(rows: Sequence[Row], ink: Ink, limit: int = 8) -> list[str]:
    """yours / autograd / by hand (or yours / expected) per component; of many, the wrong ones."""
    gradient = any(row.autograd is not None for row in rows)
    heads = ["yours", "autograd", "by hand"] if gradient else ["yours", "expected"]
    wrong = [row for row in rows if short(row.yours) != short(row.by_hand)]
    shown = list(rows if len(rows) <= limit else wrong or rows)[:limit]
    first = max(len(row.quantity) for row in shown)
    lines = [" " * (4 + first) + "".join(f"{head:>16}" for head in heads)]
    for row in shown:
        middle = [row.autograd] if gradient else []
        cells = "".join(f"{short(value):>16}" for value in (*middle, row.by_hand))
        yours = f"{short(row.yours):>16}"
        painted = ink.red(yours) if row in wrong else yours
        lines.append(f"    {row.quantity:<{first}}{painted}{cells}")
    if len(rows) > len(shown):
        lines.append(f"    … {len(rows)} components in all, {len(wrong)} of them wrong")
    return lines


def closing(report: Report, ink: Ink) -> str:
    """The points, and where to go from here."""
    total = f"{report.points} of {report.max_points} points"
    following = next_step(report)
    if following is None:
        return ink.bold(total) + "\n" + "Everything asked for is done. Well done!"
    lesson, verdict = following
    place = safe(lesson.path) + (f":{verdict.line}" if verdict.line else "")
    lines = [ink.bold(total), f"Next: {verdict.exercise} of lesson {number(lesson.lesson)}"]
    lines.append(f"  → {place}")
    lines.append(f"Stuck? make hint LESSON={number(lesson.lesson)}")
    return "\n".join(lines)


def next_step(report: Report) -> tuple[LessonReport, Verdict] | None:
    """The first exercise that is not passed."""
    for lesson in report.lessons:
        for verdict in lesson.verdicts:
            if verdict.status != "passed":
                return lesson, verdict
    return None


def wrapped(text: str, indent: str, paint: Any = str) -> list[str]:
    """A paragraph in lines no wider than the report."""
    lines = textwrap.wrap(
        text,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [paint(line) for line in lines]
