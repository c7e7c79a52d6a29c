"""The reports, character by character. To write them anew: python -m checks.tests.test_golden."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from checks.grader.records.course import ROOT
from checks.grader.records.verdict import LessonReport, Report, Settings, Verdict
from checks.grader.reports.terminal import Ink, render

GOLDEN = Path(__file__).parent / "golden"
#: File -> the options of the check that writes it.
REPORTS = {"report.txt": [], "report.json": ["--json", "-"]}


def printed(options: list[str]) -> str:
    """What a check of the golden submission prints."""
    source = str((GOLDEN / "lesson1_linear.py").relative_to(ROOT))
    command = [sys.executable, "-m", "checks", "check", "1", "--from", source, *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=120)
    assert done.stderr == ""
    return done.stdout


@pytest.mark.parametrize("name", REPORTS)
def test_the_report_is_as_pinned(name: str) -> None:
    assert printed(REPORTS[name]) == (GOLDEN / name).read_text(encoding="utf-8")


def report_of(*verdicts: Verdict) -> Report:
    lesson = LessonReport("lesson1_linear", "One weight", "exercises/lesson1_linear.py", verdicts)
    return Report(Settings(), (lesson,))


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
        (GOLDEN / name).write_text(printed(options), encoding="utf-8")
