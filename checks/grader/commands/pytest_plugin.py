"""Exercises as tests: `pytest exercises`, and the test panel of an editor.

exercises/conftest.py registers these hooks. Each lesson file becomes a collection of one test per
exercise. The file itself is never imported by pytest: it is graded in a process of its own, once
per run of pytest, like in every other check.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from checks.grader.grading.reading import line_of
from checks.grader.records import course
from checks.grader.reports.terminal import Ink, render_fault
from checks.grader.reports.words import safe
from checks.grader.running.intake import read_file

if TYPE_CHECKING:
    from checks.grader.records.verdict import LessonReport, Verdict
    from checks.grader.running.server import Server

SERVER: pytest.StashKey[Server] = pytest.StashKey()


def pytest_configure() -> None:
    """Outside .venv there is nothing to grade with."""
    if problem := course.lacks_torch():
        raise pytest.UsageError(problem)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A lesson file found in a folder."""
    if not _is_lesson(file_path) or parent.session.isinitpath(file_path):
        return None
    return LessonTests.from_parent(parent, path=file_path)


def pytest_pycollect_makemodule(
    module_path: Path, parent: pytest.Collector
) -> pytest.Collector | None:
    """A lesson file named on the command line, which pytest would import."""
    return LessonTests.from_parent(parent, path=module_path) if _is_lesson(module_path) else None


class NotPassed(Exception):
    """Carries a verdict from a test to its report."""

    def __init__(self, report: LessonReport, verdict: Verdict) -> None:
        super().__init__(verdict.status)
        self.report, self.verdict = report, verdict


class LessonTests(pytest.File):
    """The exercises of one lesson file."""

    _report: LessonReport | None = None

    def collect(self) -> Iterator[pytest.Item]:
        from checks.grader.language.lesson import load

        source = read_file(self.path, self.path.stem).source
        for exercise in load(self.path.stem).exercises:
            line = line_of(source, exercise.name)
            yield ExerciseItem.from_parent(self, name=exercise.name, line=line)

    def report(self) -> LessonReport:
        """Graded when the first of its tests is run."""
        if self._report is None:
            from checks.grader.grading.grade import grade_all
            from checks.grader.records.verdict import Settings

            lesson_file = read_file(self.path, self.path.stem)
            self._report = grade_all(_server(self.config), [lesson_file], Settings()).lessons[0]
        return self._report


class ExerciseItem(pytest.Item):
    """One exercise, at the line where the student works on it."""

    def __init__(self, *, line: int | None, **more: Any) -> None:
        super().__init__(**more)
        self._line = line

    def runtest(self) -> None:
        assert isinstance(self.parent, LessonTests)
        report = self.parent.report()
        verdict = next(v for v in report.verdicts if v.exercise == self.name)
        if verdict.printed:
            self.add_report_section("call", "stdout", verdict.printed)
        if verdict.not_started:
            pytest.skip(f"not started: {safe(verdict.message)}")
        if not verdict.passed:
            raise NotPassed(report, verdict)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], *more: Any) -> Any:
        """The words of `check`, not a traceback of the grader."""
        if not isinstance(excinfo.value, NotPassed):
            return super().repr_failure(excinfo, *more)
        report, verdict = excinfo.value.report, excinfo.value.verdict
        return "\n".join(render_fault(report, verdict, Ink()))

    def reportinfo(self) -> tuple[Path, int | None, str]:
        lesson = f"lesson {course.number(self.path.stem)}: {self.name}"
        return self.path, None if self._line is None else self._line - 1, lesson


def _is_lesson(path: Path) -> bool:
    return path.suffix == ".py" and path.stem in course.stems()


def _server(config: pytest.Config) -> Server:
    """One for the run: not a fork of pytest, which may have threads."""
    if SERVER not in config.stash:
        from checks.grader.running.server import Server

        config.stash[SERVER] = Server("exec" if sys.platform == "linux" else "fresh")
        config.add_cleanup(config.stash[SERVER].close)
    return config.stash[SERVER]
