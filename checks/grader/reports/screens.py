"""What a student reads at the ends of the way: the first screen, a lesson done, the course done."""

from __future__ import annotations

from collections.abc import Sequence

from checks.grader.records.course import number
from checks.grader.records.verdict import LessonReport, Report
from checks.grader.reports.terminal import Ink, heading, next_step, place, wrapped


def first_screen(report: Report, docstring: str, ink: Ink) -> str:
    """Nothing is begun: the lessons in a line each, and the first exercise in full."""
    following = next_step(report)
    assert following is not None
    lesson, verdict = following
    lines = [ink.bold("Backpropagation, by hand and by autograd"), ""]
    lines += [heading(each, ink) for each in report.lessons]
    lines += ["", ink.bold(f"Begin here: {verdict.exercise} of lesson {number(lesson.lesson)}")]
    for line in docstring.splitlines():
        lines += wrapped(line, "    ", ink) or [""]
    lines += [f"  → {place(lesson, verdict)}", ""]
    lines += wrapped(
        "Open that file and read the text at its top; then replace the line that raises "
        "NotImplementedError, and save.",
        "",
        ink,
    )
    lines += [
        f"  {ink.command('check', lesson.lesson):<28} says whether it is right",
        f"  {ink.command('watch', lesson.lesson):<28} says so at every save",
        f"  {ink.command('hint', lesson.lesson):<28} helps when you are stuck",
    ]
    return "\n".join(lines) + "\n"


def lesson_done(lesson: LessonReport, goal: str, overcome: Sequence[str], ink: Ink) -> list[str]:
    """The end of a lesson: what you can do now, and the mistakes that you have overcome."""
    lines = [ink.green(f"✓ Lesson {number(lesson.lesson)} is complete: {lesson.title}")]
    if goal:
        lines += wrapped(f"You can now {goal}", "  ", ink)
    if overcome:
        lines += wrapped(f"Mistakes met and mended: {', '.join(overcome)}.", "  ", ink)
    return lines


def course_done(goals: Sequence[str], overcome: Sequence[str], lessons: int, ink: Ink) -> list[str]:
    """The end of the course: what you can do now, what you have overcome, three next steps."""
    lines = [ink.green(ink.bold(f"✓ The course is complete: all {lessons} lessons."))]
    if goals:
        lines += ["", "You can now"]
        for goal in goals:
            lines += _item(goal, ink)
    if overcome:
        lines += ["", *wrapped(f"Mistakes met and mended: {', '.join(overcome)}.", "", ink)]
    lines += ["", "Three things to do next"]
    for step in NEXT_STEPS:
        lines += _item(
            step.format(figures=ink.command("draw"), reset=ink.command("reset", "lesson4_")), ink
        )
    return lines


NEXT_STEPS = (
    "Look at what you have built: `{figures}` draws the graphs and the training of your code.",
    "Do it again from memory: `{reset}` puts lesson 4's empty functions back and keeps your file "
    "beside them.",
    "Take a net of your own with two hidden layers, derive its gradients on paper, and compare "
    "them with torch.autograd.grad at random inputs.",
)


def _item(text: str, ink: Ink) -> list[str]:
    first, *rest = wrapped(text, "    ", ink)
    return [f"  · {first.lstrip()}", *rest]
