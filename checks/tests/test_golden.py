"""The reports, character by character. To write them anew: python -m checks.tests.test_golden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks.grader.grading.grade import grade_all
from checks.grader.records.course import ROOT
from checks.grader.records.verdict import LessonReport, Report, Settings, Verdict
from checks.grader.reports.screens import NEXT_STEPS, course_done, first_screen, lesson_done
from checks.grader.reports.terminal import Ink, render
from checks.grader.running.intake import read_file
from checks.grader.running.server import Server
from checks.tests.typed import Typed, typed

__all__ = ["typed"]  # a fixture

GOLDEN = Path(__file__).parent / "golden"
#: File -> the options of the check that writes it.
REPORTS = {"report.txt": [], "report.json": ["--json", "-"]}


def printed(options: list[str], typed: Typed) -> str:
    """What a check of the golden submission prints."""
    source = str((GOLDEN / "lesson1_linear.py").relative_to(ROOT))
    done = typed("check", "1", "--from", source, *options)
    assert done.err == ""
    return done.out


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_is_as_pinned(name: str, typed: Typed) -> None:
    assert printed(REPORTS[name], typed) == (GOLDEN / name).read_text(encoding="utf-8")


def report_of(*verdicts: Verdict) -> Report:
    lesson = LessonReport("lesson1_linear", "One weight", "exercises/lesson1_linear.py", verdicts)
    return Report(Settings(), (lesson,))


def test_no_line_is_wider_than_the_terminal(server: Server) -> None:
    lesson_file = read_file(GOLDEN / "lesson1_linear.py", "lesson1_linear")
    report = grade_all(server, [lesson_file], Settings())
    for width in (60, 80, 100):
        text = render(report, Ink(width=width), every_message=True)
        widest = max(len(line) for line in text.splitlines() if "→" not in line)
        assert width - 12 < widest <= width


def test_a_long_name_does_not_run_into_its_status() -> None:
    report = report_of(Verdict("grad_after_second_backward", "not_started", 1))
    assert "grad_after_second_backward  not started" in render(report, Ink())


def test_only_what_is_being_worked_on_is_shown_of_several_lessons() -> None:
    lesson = report_of(Verdict("forward", "passed", 1)).lessons[0]
    begun = report_of(Verdict("forward", "passed", 1), Verdict("loss", "wrong", 1, message="No."))
    open_ = report_of(Verdict("forward", "not_started", 1, message="TODO")).lessons[0]
    report = Report(Settings(), (lesson, begun.lessons[0], open_))
    text = render(report, Ink())
    assert text.count("\n  ✓") == 1 and text.count("\n  ·") == 0 and text.count("Lesson 1 ·") == 3


def test_a_file_that_cannot_be_imported_is_said_once_and_not_of_every_exercise() -> None:
    both = [Verdict(name, "error", 1, message="No Python.") for name in ("forward", "loss")]
    text = render(report_of(*both), Ink(), every_message=True)
    assert text.count("No Python.") == 1 and "✗" not in text


def test_prints_that_are_left_out_are_counted() -> None:
    report = report_of(Verdict("forward", "error", 1, message="No.", printed="line\n" * 9))
    assert "… and 4 more lines" in render(report, Ink())


def test_a_warning_is_told_in_full_and_without_its_place() -> None:
    says = "The .grad attribute of a Tensor that is not a leaf Tensor is being accessed. " * 2
    printed = (
        f"/a b/t.py:85: UserWarning: {says}(Triggered internally at x.cpp:4.)\n  return w\nhi\n"
    )
    report = report_of(Verdict("forward", "error", 1, message="No.", printed=printed))
    text = " ".join(render(report, Ink()).split())
    assert f"a warning: {says}you printed: hi →" in text


def test_the_first_screen_fits_and_shows_the_first_exercise_in_full() -> None:
    verdict = Verdict("forward", "not_started", 1, message="TODO 1.1", line=50)
    lessons = tuple(report_of(verdict).lessons[0] for _ in range(8))
    text = first_screen(Report(Settings(), lessons), "The prediction.\n\nx: shape ().", Ink())
    assert len(text.splitlines()) <= 24 and "    x: shape ()." in text
    assert "exercises/lesson1_linear.py:50" in text


def test_the_end_of_a_lesson_says_what_was_learnt_and_mended() -> None:
    lesson = report_of(Verdict("forward", "passed", 1)).lessons[0]
    text = "\n".join(lesson_done(lesson, "walk a graph backwards.", ["sign flipped"], Ink()))
    assert "You can now walk a graph backwards." in text
    assert "Mistakes met and mended: sign flipped." in text


def test_the_end_of_the_course_has_three_next_steps() -> None:
    lines = course_done(["derive."], [], 8, Ink())
    assert sum(line.startswith("  · ") for line in lines) == 1 + 3
    assert len(NEXT_STEPS) == 3


def test_colour_is_added_and_changes_nothing_else() -> None:
    report = report_of(Verdict("forward", "wrong", 1, message="No."), Verdict("loss", "passed", 1))
    plain, coloured = render(report, Ink(False)), render(report, Ink(True))
    assert "\x1b[31m✗\x1b[0m" in coloured
    for code in ("0", "1", "2", "31", "32"):
        coloured = coloured.replace(f"\x1b[{code}m", "")
    assert coloured == plain


def test_text_of_students_cannot_steer_the_terminal() -> None:
    evil = "\x1b[2J\x1b]0;owned\x07\r\x08 fine \u202e"
    report = report_of(Verdict("forward", "error", 1, message=evil, printed=evil))
    text = render(report, Ink(False))
    assert "fine" in text
    assert not {"\x1b", "\x07", "\r", "\x08", "\u202e"} & set(text)


def test_the_last_words_of_a_finished_course_are_kind() -> None:
    assert render(report_of(Verdict("forward", "passed", 1)), Ink()).endswith("Well done!\n")


if __name__ == "__main__":
    for name, options in REPORTS.items():
        command = [sys.executable, "-m", "checks", "check", "1", "--from"]
        command += [str((GOLDEN / "lesson1_linear.py").relative_to(ROOT)), *options]
        written = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8")
        (GOLDEN / name).write_text(written.stdout, encoding="utf-8")
