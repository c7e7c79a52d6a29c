"""Grade lesson files."""

from __future__ import annotations

import gc
import json
import secrets
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from checks.grader.commands.draw import figures, save_pictures
from checks.grader.commands.options import (
    add_lesson_files,
    add_running,
    files_of,
    ink,
    is_own,
    shown,
    usable,
    writable,
)
from checks.grader.records import course
from checks.grader.records.misuse import Misuse

if TYPE_CHECKING:
    from checks.grader.commands.journey import Journey
    from checks.grader.records.verdict import LessonReport, Report
    from checks.grader.reports.terminal import Ink

HELP = "grade exercises/"


def add_options(parser: ArgumentParser) -> None:
    add_lesson_files(parser)
    add_running(parser)
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - for stdout")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
    parser.add_argument("--gradescope", metavar="FILE", help="write Gradescope's results.json")
    parser.add_argument(
        "--sandbox",
        choices=("auto", "require", "off"),
        default="auto",
        help="isolation with --gradescope: what there is, all of it or nothing is graded, none",
    )
    parser.set_defaults(seed=None)  # 0, so that a report stays as it is; with --gradescope drawn


def run(options: Namespace) -> int:
    """Grade lesson files; 0 if everything asked for passed."""
    files = files_of(options.source, options.lessons)
    for output in (options.json, options.junit, options.gradescope):
        writable(output)
    if options.gradescope:
        report = _grade_confined(files, options)
    else:
        options.seed = options.seed or 0
        report = grade_files(files, options)
        _write_outputs(report, options)
    if options.json != "-":
        _tell(report, options)
    return 0 if report.passed else 1


def _tell(report: Report, options: Namespace) -> None:
    """Print the report; of a student's own course with its first screen and its ends."""
    from checks.grader.commands import journey
    from checks.grader.reports.screens import first_screen
    from checks.grader.reports.terminal import render

    look, every = ink(), len(report.lessons) == 1
    if not is_own(options.source):
        print(render(report, look, every_message=every), end="")
        return
    if journey.is_whole_course(report) and all(one.not_started for one in report.lessons):
        print(first_screen(report, _first_task(report), look), end="")
        return
    way = journey.Journey.so_far()
    new = way.remember(report.lessons)
    ending = _ending(report, way, new, look) if report.passed else []
    print(render(report, look, every_message=every, ending=ending), end="")
    if not report.passed:
        for lesson in new:
            print("\n" + "\n".join(way.end_of(lesson, look)))
    if new:
        at_the_end = report.passed and journey.is_whole_course(report)  # which says how already
        _show_pictures(new, look, says_how=not at_the_end)


def _first_task(report: Report) -> str:
    from checks.grader.records.lesson_text import docstring_of
    from checks.grader.running.intake import read_file

    lesson = report.lessons[0]
    source = read_file(Path(lesson.path), lesson.lesson).source
    return docstring_of(source, lesson.verdicts[0].exercise)


def _ending(report: Report, way: Journey, new: list[LessonReport], look: Ink) -> list[str]:
    """What is said when everything asked for is passed."""
    from checks.grader.commands import journey

    if journey.is_whole_course(report):
        return way.end_of_course(report, look)
    lines = [line for lesson in report.lessons for line in way.end_of(lesson, look)]
    left = [stem for stem in course.stems() if stem not in way.done]
    if left:
        where = shown(course.home() / "exercises" / f"{left[0]}.py")
        lines.append(f"\nNext: lesson {course.number(left[0])}\n  → {where}")
    else:
        lines.append(f"\nThat was the last one: {look.command('check')} shows the whole course.")
    return lines


def _show_pictures(lessons: list[LessonReport], look: Ink, *, says_how: bool) -> None:
    """Draw what has just been completed, for somebody who watches; else say how."""
    files = [(lesson.lesson, Path(lesson.path)) for lesson in lessons]
    if sys.stdout.isatty() and len(files) == 1:
        print("\nYour pictures:", flush=True)
        save_pictures(files, Path(figures()))
    elif says_how:
        name = files[0][0] if len(files) == 1 else ""
        print(f"\n{look.command('draw', name)} draws what you have built.")


def grade_files(files: list[tuple[str, Path]], options: Namespace) -> Report:
    """The report, made without looking for garbage: PyTorch's half a million objects stay."""
    gc.disable()
    try:
        return _graded(files, options)
    finally:
        gc.freeze()
        gc.enable()


def _graded(files: list[tuple[str, Path]], options: Namespace) -> Report:
    """Start the server, then let the judge think."""
    from checks.grader.running.server import Server

    with Server() as server:
        usable(options.device)
        from checks.grader.grading.grade import grade_all
        from checks.grader.records.verdict import Settings
        from checks.grader.running.intake import read_file

        settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
        lesson_files = [read_file(path, stem) for stem, path in files]
        report = grade_all(server, lesson_files, settings)
        if not any(lesson_file.path.suffix == ".ipynb" for lesson_file in lesson_files):
            return report
        from checks.grader.records.cells import told_by_cells

        return told_by_cells(report, (lesson_file.source for lesson_file in lesson_files))


def _grade_confined(files: list[tuple[str, Path]], options: Namespace) -> Report:
    """Grade a copy of the files under the sandbox, and write Gradescope's file.

    Everything of the grader that is needed after the student's code has run is imported before.
    """
    from checks.grader.classroom.marking import Grader, Mode, Unsafe
    from checks.grader.classroom.submission import Submission, open_submission
    from checks.grader.records.verdict import Settings
    from checks.grader.reports import export, gradescope, terminal  # noqa: F401

    usable(options.device)
    if options.seed is None:
        options.seed = secrets.randbelow(1 << 31)
    settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
    stems = [stem for stem, _ in files]
    mode: Mode = "off" if options.device != "cpu" else options.sandbox
    try:
        with Grader(settings, mode) as grader:
            grader.report(Submission({f"{stem}.py": b"" for stem in stems}), stems)
            report = grader.report(open_submission(Path(options.source)), stems)
    except Unsafe as problem:
        raise Misuse(f"nothing was graded: {problem}") from problem
    told = f"{grader.isolation.sentence} Seed {settings.seed}."
    _write_outputs(report, options, told)
    print(told, file=sys.stderr if options.json == "-" else sys.stdout)
    return report


def say_what_is_lacking(mode: str) -> None:
    from checks.grader.running.sandbox import lacking

    if mode == "auto" and lacking():
        print(f"checks: weaker isolation without {'; '.join(lacking())}", file=sys.stderr)
    elif mode == "off":
        print("checks: no sandbox: submissions can read and write your files", file=sys.stderr)


def _write_outputs(report: Report, options: Namespace, told: str = "") -> None:
    from checks.grader.records.files import write_text
    from checks.grader.reports.export import junit

    text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
    if options.json == "-":
        print(text, end="")
    elif options.json:
        write_text(Path(options.json), text)
    if options.junit:
        write_text(Path(options.junit), junit(report))
    if options.gradescope:
        from checks.grader.reports.gradescope import gradescope

        text = json.dumps(gradescope(report, told), ensure_ascii=False, indent=1) + "\n"
        write_text(Path(options.gradescope), text)
