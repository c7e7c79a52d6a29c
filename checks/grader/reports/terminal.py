"""The terminal report. Pure: a report in, text out; nothing wider than the terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from checks.grader.records.course import number
from checks.grader.records.verdict import LessonReport, Report, Row, Verdict
from checks.grader.reports.words import WORDS, readable, safe, short

WIDTH = 80
BAR = 12
#: Columns below which a line has no room for a bar.
NARROW = 72
#: Commands that make calls otherwise.
MADE_BY = {"draw": "figures", "notebook": "notebooks", "verify": "solutions"}
#: As Python prints it: place, kind, text; PyTorch adds a place of its own at the end.
WARNING = re.compile(r".*?:\d+: \w*Warning: (?P<says>.*?)(?: \(Triggered internally .*)?$")
MARKS = {"passed": "✓", "not_started": "·"}


@dataclass(frozen=True)
class Ink:
    """How a report is put on a terminal.

    on      in colours
    width   columns
    called  what the student types to get here: "make", "backprop" or "python -m checks"
    """

    on: bool = False
    width: int = WIDTH
    called: str = "python -m checks"

    def command(self, name: str, lesson: str = "") -> str:
        """A command as this student types it: `make hint LESSON=3`, `backprop hint 3`."""
        if self.called == "make":
            name = MADE_BY.get(name, name)
            return f"make {name}" + (f" LESSON={number(lesson)}" if lesson else "")
        return f"{self.called} {name}" + (f" {number(lesson)}" if lesson else "")

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


def render(
    report: Report, ink: Ink, *, every_message: bool = False, ending: Sequence[str] = ()
) -> str:
    """The whole report. Of one lesson everything; of several what is being worked on.

    Per lesson the first fault in full; every fault if `every_message`. `ending` is what is said
    when everything is passed.
    """
    last = closing(report, ink, ending)
    if len(report.lessons) == 1:
        first = render_lesson(report.lessons[0], ink, every_message=every_message)
        return f"{first}\n\n{last}\n"
    lines: list[str] = []
    for lesson in report.lessons:
        if lesson.passed or lesson.not_started:  # one line says it
            lines.append(heading(lesson, ink))
        else:
            lines += [*_gap(lines), render_lesson(lesson, ink, every_message=every_message), ""]
    return "\n".join([*lines, *_gap(lines), last]) + "\n"


def _gap(lines: list[str]) -> list[str]:
    """One empty line after what there is, if it does not end with one."""
    return [""] if lines and lines[-1] else []


def concerns_the_file(lesson: LessonReport) -> bool:
    """Whether one thing keeps every exercise from being run: no file, or a syntax error."""
    messages = {verdict.message for verdict in lesson.verdicts}
    return len(lesson.verdicts) > 1 and len(messages) == 1 and not lesson.passed


def render_lesson(lesson: LessonReport, ink: Ink, *, every_message: bool = False) -> str:
    """One lesson: bar and points, a line per exercise, the first fault."""
    lines = [heading(lesson, ink)] if concerns_the_file(lesson) else overview(lesson, ink)
    for verdict in faults_of(lesson, every_message=every_message):
        lines += ["", *render_fault(lesson, verdict, ink)]
    return "\n".join(lines)


def faults_of(lesson: LessonReport, *, every_message: bool) -> list[Verdict]:
    """The faults to show in full: the first, or every one that has something of its own to say."""
    faults = [verdict for verdict in lesson.verdicts if verdict.at_fault]
    return faults if every_message and not concerns_the_file(lesson) else faults[:1]


def overview(lesson: LessonReport, ink: Ink) -> list[str]:
    """Bar and points of a lesson, then a line per exercise."""
    names = max((len(verdict.exercise) for verdict in lesson.verdicts), default=0)
    lines = [_exercise_line(verdict, max(24, names) + 2, ink) for verdict in lesson.verdicts]
    return [heading(lesson, ink), *lines]


def render_fault(lesson: LessonReport, verdict: Verdict, ink: Ink) -> list[str]:
    """A fault: where, the table, the idea, the line to open."""
    lines = [] if concerns_the_file(lesson) else wrapped(where(verdict), "  ", ink, ink.bold)
    if verdict.comparison:
        lines += _table(verdict.comparison, ink)
    lines += wrapped(safe(verdict.message), "  ", ink)
    lines += [f"    {safe(line)}"[: ink.width] for line in verdict.excerpt]
    lines += _printed(verdict.printed, ink)
    return [*lines, f"  → {place(lesson, verdict)}"]


def place(lesson: LessonReport, verdict: Verdict) -> str:
    """Where the student goes next, as editors make it a link: path:line."""
    return safe(lesson.path) + (f":{verdict.line}" if verdict.line else "")


def _printed(text: str, ink: Ink, limit: int = 5) -> list[str]:
    """What the code warned of, in full, and the first lines that it printed."""
    warned, printed = _warnings(safe(text.strip(), keep_lines=True).splitlines())
    shown = [line for says in warned for line in wrapped(f"a warning: {says}", "  ", ink)]
    shown += [cut_off(f"  you printed: {line}", ink.width) for line in printed[:limit]]
    if len(printed) > limit:
        shown.append(f"  … and {len(printed) - limit} more lines")
    return [ink.dim(line) for line in shown]


def _warnings(lines: list[str]) -> tuple[list[str], list[str]]:
    """The warnings among lines, without where they were raised, and the other lines."""
    warned: list[str] = []
    printed: list[str] = []
    after_warning = False
    for line in lines:
        found = WARNING.match(line)
        if found:
            warned += [found["says"]] if found["says"] not in warned else []
        elif not (after_warning and line.startswith("  ")):  # the line of code that it is about
            printed.append(line)
        after_warning = bool(found)
    return warned, printed


def heading(lesson: LessonReport, ink: Ink) -> str:
    """A lesson in one line: title, bar, points; without the bar where there is no room."""
    points = f"{lesson.points} of {lesson.max_points} points"
    name = f"Lesson {number(lesson.lesson)} · {lesson.title}"
    bar = f"  {_bar(lesson, ink)}" if ink.width >= NARROW else ""
    room = ink.width - (BAR + 2 if bar else 0) - max(len(points), 15) - 2
    return f"{ink.bold(cut_off(name, room).ljust(room))}{bar}  {points:>15}"


def _bar(lesson: LessonReport, ink: Ink) -> str:
    done = lesson.points / lesson.max_points if lesson.max_points else 0.0
    full = round(done * BAR)
    return ink.green("█" * full) + ink.dim("░" * (BAR - full))


def cut_off(text: str, room: int) -> str:
    """A text that fits, with a sign where something was left out."""
    return text if len(text) <= room else text[: room - 1].rstrip() + "…"


def _exercise_line(verdict: Verdict, names: int, ink: Ink) -> str:
    mark = MARKS.get(verdict.status, "✗")
    paint = {"✓": ink.green, "✗": ink.red}.get(mark, ink.dim)
    points = f"{verdict.points} of {verdict.max_points}"
    return f"  {paint(mark)} {verdict.exercise:<{names}}{WORDS[verdict.status]:<14}{points:>8}"


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
    wrong = [row for row in rows if not row.is_right]
    shown = list(rows if len(rows) <= limit else wrong or rows)[:limit]
    first = max(len(row.quantity) for row in shown)
    cell = max(12, min(16, (ink.width - 4 - first) // len(heads)))
    lines = [" " * (4 + first) + "".join(f"{head:>{cell}}" for head in heads)]
    for row in shown:
        middle = [row.autograd] if gradient else []
        cells = "".join(f"{short(value):>{cell}}" for value in (*middle, row.by_hand))
        yours = f"{short(row.yours):>{cell}}"
        painted = ink.red(yours) if row in wrong else yours
        lines.append(f"    {row.quantity:<{first}}{painted}{cells}")
    if len(rows) > len(shown):
        lines.append(f"    … {len(rows)} components in all, {len(wrong)} of them wrong")
    return lines


def closing(report: Report, ink: Ink, ending: Sequence[str] = ()) -> str:
    """The points, and where to go from here."""
    total = ink.bold(f"{report.points} of {report.max_points} points")
    following = next_step(report)
    if following is None:
        return "\n".join(
            [
                total,
                *([""] if ending else []),
                *(ending or ["Everything asked for is done. Well done!"]),
            ]
        )
    lesson, verdict = following
    next_line = f"Next: {verdict.exercise} of lesson {number(lesson.lesson)}"
    if not _shows_its_place(report, lesson, verdict):
        next_line += f"\n  → {place(lesson, verdict)}"
    return f"{total}\n{next_line}\nStuck? {ink.command('hint', lesson.lesson)}"


def _shows_its_place(report: Report, lesson: LessonReport, verdict: Verdict) -> bool:
    """Whether the place to go to stands in full right above: the pointer is given once."""
    return len(report.lessons) == 1 and [verdict] == faults_of(lesson, every_message=True)


def next_step(report: Report) -> tuple[LessonReport, Verdict] | None:
    """The first exercise that is not passed."""
    for lesson in report.lessons:
        for verdict in lesson.verdicts:
            if not verdict.passed:
                return lesson, verdict
    return None


def wrapped(text: str, indent: str, ink: Ink, paint: Callable[[str], str] = str) -> list[str]:
    """A paragraph in lines no wider than the report."""
    lines = textwrap.wrap(
        text,
        ink.width,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [paint(line) for line in lines]
