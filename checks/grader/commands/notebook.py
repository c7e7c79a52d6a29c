"""`from checks import check`: the same verdicts in a notebook or at a Python prompt.

`check(3)` grades the file as the command does, in a process of its own. A function that is handed
over runs here, where it was written: it may use everything that the notebook has defined.
"""

from __future__ import annotations

import contextlib
import functools
import html
import inspect
import os
import re
import signal
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Literal, get_args

from checks.grader.grading.grade import grade, grade_all
from checks.grader.grading.questions import Questions, questions_of, restricted
from checks.grader.language.lesson import load
from checks.grader.records import course
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import LessonReport, Report, Row, Settings, Verdict
from checks.grader.reports.terminal import (
    MARKS,
    WORDS,
    Ink,
    closing,
    faults_of,
    render,
    safe,
    short,
    where,
)
from checks.grader.running import frames
from checks.grader.running.device import unusable
from checks.grader.running.frames import observation as observed
from checks.grader.running.inside import worker
from checks.grader.running.inside.autograd_log import AutogradLog
from checks.grader.running.intake import LessonFile, read_lesson_file
from checks.grader.running.server import Server
from checks.grader.running.session import Request

Dtype = Literal["float32", "float64"]


@dataclass(frozen=True, repr=False)
class Result:
    """What a check found. A prompt shows it as text, Jupyter as a table."""

    report: Report

    @property
    def passed(self) -> bool:
        return self.report.passed

    def __repr__(self) -> str:
        return render(self.report, Ink(), every_message=len(self.report.lessons) == 1).rstrip()

    def _repr_html_(self) -> str:
        every = len(self.report.lessons) == 1
        lessons = "".join(_lesson_html(lesson, every) for lesson in self.report.lessons)
        end = _paragraphs(closing(self.report, Ink()))
        return f'<div style="max-width: 52em; line-height: 1.4">{lessons}{end}</div>'


def check(
    what: int | str | None = None,
    function: Callable[..., Any] | None = None,
    *,
    device: str = "cpu",
    dtype: Dtype = "float32",
    seed: int = 0,
    time_limit: float = 10.0,
) -> Result:
    """Grade a lesson file, one of its exercises, or a function of your own.

    check(3)                              the file of lesson 3 in exercises/
    check("lesson3.grad_by_hand")         one exercise of that file
    check("lesson3.grad_by_hand", mine)   the function `mine`, as this notebook has it
    check()                               every lesson

    `time_limit` is in seconds, per exercise. Raises ValueError for a lesson, an exercise, a device
    or a dtype that does not exist.
    """
    settings = _settings(device, dtype, seed, time_limit)
    name, _, exercise = ("" if what is None else str(what)).partition(".")
    try:
        stems = course.find_all([name] if name else [])
    except LookupError as problem:
        raise ValueError(problem.args[0]) from None
    if function is not None and not exercise:
        exercise = getattr(function, "__name__", "")
    if exercise or function is not None:
        _known(stems, exercise)
    if function is not None:
        questions = restricted(questions_of(stems[0], settings), exercise)
        return Result(Report(settings, (_grade_here(function, questions),)))
    report = _grade_files(stems, settings)
    return Result(_only(report, exercise) if exercise else report)


def _settings(device: str, dtype: Dtype, seed: int, time_limit: float) -> Settings:
    problem = unusable(device)
    if problem:
        raise ValueError(problem)
    if dtype not in get_args(Dtype):
        raise ValueError(f"unknown dtype {dtype!r}: use 'float32' or 'float64'")
    return Settings(device, dtype, seed, time_limit)


def _known(stems: Sequence[str], exercise: str) -> None:
    """Raise ValueError unless an exercise of one lesson is named."""
    if len(stems) != 1:
        raise ValueError("say which exercise: check('lesson3.grad_by_hand', my_function)")
    names = [known.name for known in load(stems[0]).exercises]
    if exercise not in names:
        number = course.number(stems[0])
        raise ValueError(f"lesson {number} has no {exercise!r}; it has {', '.join(names)}")


def _grade_files(stems: Sequence[str], settings: Settings) -> Report:
    """The report of files in exercises/, from the server that this process keeps."""
    server = _server(os.getpid())
    try:
        lesson_files = [read_lesson_file(course.ROOT / "exercises", stem) for stem in stems]
        return grade_all(server, lesson_files, settings)
    except BaseException:  # an interrupt may leave an answer unread
        _server.cache_clear()
        server.close()
        raise


@functools.cache
def _server(pid: int) -> Server:
    """Started at the first check. Not a fork of this process, which may have threads by now."""
    return Server("exec" if sys.platform == "linux" else "fresh")


def _only(report: Report, exercise: str) -> Report:
    (lesson,) = report.lessons
    verdicts = tuple(v for v in lesson.verdicts if v.exercise == exercise)
    return replace(report, lessons=(replace(lesson, verdicts=verdicts),))


def _grade_here(function: Callable[..., Any], questions: Questions) -> LessonReport:
    """The report on one function of this process."""
    (question,) = questions.all
    code = getattr(inspect.unwrap(function), "__code__", None)
    path = code.co_filename if code else ""
    shown = Path(path) if Path(path).is_file() else Path(getattr(function, "__name__", "function"))
    lesson_file = LessonFile(questions.stem, shown, _source(function, question.exercise.name))
    session = NotebookSession(
        _module(function, question.exercise.name), path, questions.settings.time_limit
    )
    return grade(session, questions, lesson_file)


def _module(function: Callable[..., Any], name: str) -> ModuleType:
    """What the function sees around it, as the module of its lesson."""
    module = ModuleType("notebook")
    around = getattr(function, "__globals__", None) or vars(sys.modules[function.__module__])
    vars(module).update(around)
    setattr(module, name, function)
    return module


def _source(function: Callable[..., Any], name: str) -> str:
    """The text of a function under its exercise's name, at the lines where it stands."""
    own = getattr(function, "__name__", "")
    try:
        if own == name:
            return "".join(inspect.findsource(function)[0])  # the whole file, or the whole cell
        lines, start = inspect.getsourcelines(function)
    except (OSError, TypeError):  # typed at a prompt that keeps no text
        return ""
    text = textwrap.dedent("".join(lines))
    renamed = re.sub(rf"\b(def|class) {re.escape(own)}\b", rf"\1 {name}", text, count=1)
    return "\n" * (start - 1) + renamed


class TimeLimit(BaseException):
    """Raised in the student's function when its time is over."""


class NotebookSession:
    """What a `ProcessSession` is for a file: the same questions to a function of this process."""

    def __init__(self, module: ModuleType, path: str, time_limit: float) -> None:
        self._module, self._path, self._time_limit = module, path, time_limit

    def imported(self) -> Observation:
        return Observation("value")

    def ask(self, request: Request, meanwhile: Callable[[], object]) -> list[Observation]:
        """The answers to a request; an interrupt of the notebook ends it."""
        header, body = request
        printed, log = worker.Printed(), AutogradLog()
        out: Any = printed
        seen: list[Observation] = []
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
                _alarm(self._time_limit),
            ):
                for arguments in header["calls"]:
                    printed.text = ""
                    log.ran.clear()
                    packer = frames.Packer()
                    asked = header | {"path": self._path}
                    outcome = worker.call(self._module, asked, arguments, body, packer)
                    _raise_again(outcome)
                    outcome |= {"printed": printed.text, **log.report()}
                    seen.append(observed(outcome, bytes(packer.body)))
                    if seen[-1].outcome in ("missing", "not_started"):
                        break
        except TimeLimit:
            seen.append(Observation("timeout"))
        finally:
            log.stop()
        return seen

    def close(self) -> None:
        """Nothing was started."""


def _raise_again(outcome: dict[str, Any]) -> None:
    """An interrupt and a time limit are no errors of the student's function."""
    for kind in (TimeLimit, KeyboardInterrupt):
        if outcome.get("type") == kind.__name__:
            raise kind


@contextlib.contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise TimeLimit after so long, where the system can; elsewhere there is the interrupt."""
    main = threading.current_thread() is threading.main_thread()
    if not main or not hasattr(signal, "setitimer"):
        yield
        return

    def ring(number: int, frame: FrameType | None) -> None:
        raise TimeLimit

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _lesson_html(lesson: LessonReport, every_message: bool) -> str:
    head = f"Lesson {course.number(lesson.lesson)} · {lesson.title}"
    points = f"{lesson.points} of {lesson.max_points} points"
    rows = "".join(
        _row_html(
            MARKS.get(verdict.status, "✗"),
            verdict.exercise,
            WORDS[verdict.status],
            f"{verdict.points} of {verdict.max_points}",
        )
        for verdict in lesson.verdicts
    )
    faults = "".join(
        _fault_html(lesson, verdict) for verdict in faults_of(lesson, every_message=every_message)
    )
    return f"<h4>{_text(head)} — {points}</h4><table>{rows}</table>{faults}"


def _fault_html(lesson: LessonReport, verdict: Verdict) -> str:
    place = lesson.path + (f":{verdict.line}" if verdict.line else "")
    printed = verdict.printed.strip()
    return "".join(
        (
            f"<p><b>{_text(where(verdict))}</b></p>",
            _comparison_html(verdict.comparison) if verdict.comparison else "",
            _paragraphs(verdict.message),
            f"<p>you printed:</p><pre>{_text(printed, keep_lines=True)}</pre>" if printed else "",
            f"<p>→ <code>{_text(place)}</code></p>",
        )
    )


def _comparison_html(rows: Sequence[Row]) -> str:
    gradient = any(row.autograd is not None for row in rows)
    heads = ("", "yours", "autograd", "by hand") if gradient else ("", "yours", "expected")
    lines = [
        (row.quantity, short(row.yours), *((short(row.autograd),) if gradient else ()),
         short(row.by_hand))
        for row in rows
    ]  # fmt: skip
    return "<table>" + "".join(_row_html(*line) for line in (heads, *lines)) + "</table>"


def _row_html(*cells: str) -> str:
    return "<tr>" + "".join(f"<td>{_text(cell)}</td>" for cell in cells) + "</tr>"


def _paragraphs(text: str) -> str:
    return "".join(f"<p>{_text(line)}</p>" for line in text.splitlines())


def _text(text: str, *, keep_lines: bool = False) -> str:
    """Text of a student or about one: nothing in it is markup."""
    return html.escape(safe(text, keep_lines=keep_lines))
