"""`from checks import check, pictures`: the same verdicts in a notebook or at a Python prompt.

`check(3)` grades the file as the command does, in a process of its own. A function that is handed
over runs here, where it was written: it may use everything that the notebook has defined.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
import re
import signal
import sys
import tempfile
import textwrap
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any, Literal, get_args

from checks.grader.grading.grade import grade, grade_all
from checks.grader.grading.questions import Questions, questions_of, restricted
from checks.grader.language.figure import Graph
from checks.grader.language.lesson import load
from checks.grader.records import course
from checks.grader.records.cells import source_of_cells
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import LessonReport, Report, Settings
from checks.grader.reports import html
from checks.grader.reports.terminal import Ink, render
from checks.grader.running import messages
from checks.grader.running.device import unusable
from checks.grader.running.inside import worker
from checks.grader.running.inside.autograd_log import AutogradLog
from checks.grader.running.intake import LessonFile, read_file, read_lesson_file
from checks.grader.running.messages import Calls
from checks.grader.running.server import Server

Dtype = Literal["float32", "float64"]
DRAWING = 30.0  # seconds per picture


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
        return html.render(self.report)


Namespace = Mapping[str, Any]


def check(
    what: int | str | None = None,
    mine: Callable[..., Any] | Namespace | None = None,
    *,
    device: str = "cpu",
    dtype: Dtype = "float32",
    seed: int = 0,
    time_limit: float = 10.0,
) -> Result:
    """Grade a lesson file, one of its exercises, or functions of your own.

    check(3)                              the file of lesson 3 in exercises/
    check("lesson3.grad_by_hand")         one exercise of that file
    check("lesson3.grad_by_hand", mine)   the function `mine`, as this notebook has it
    check(3, globals())                   everything that this notebook has of lesson 3
    check()                               every lesson file

    `time_limit` is in seconds, per exercise. Raises ValueError for a lesson, an exercise, a device
    or a dtype that does not exist.
    """
    settings = _settings(device, dtype, seed, time_limit)
    if isinstance(mine, Mapping):
        (stem,) = _stems(str(what)) if what is not None else ("",)
        if not stem:
            raise ValueError("say which lesson: check(3, globals())")
        return Result(Report(settings, (_grade_notebook(mine, questions_of(stem, settings)),)))
    stems, exercise = _named("" if what is None else str(what), mine)
    if mine is not None:
        questions = restricted(questions_of(stems[0], settings), exercise)
        return Result(Report(settings, (_grade_here(mine, questions),)))
    report = _grade_files(stems, settings)
    return Result(_only(report, exercise) if exercise else report)


def _named(what: str, function: Callable[..., Any] | None) -> tuple[list[str], str]:
    """The lessons and the exercise that are meant: `3`, `lesson3.loss`, or `loss` alone."""
    name, _, exercise = what.partition(".")
    if name and not exercise and (holders := _lessons_with(name)):
        if len(holders) > 1:
            numbers = ", ".join(str(course.number(stem)) for stem in holders)
            example = f"{course.number(holders[0])}.{name}"
            raise ValueError(
                f"lessons {numbers} have a {name}: say which, for example check('{example}', …)"
            )
        return holders, name
    stems = _stems(name)
    if function is not None and not exercise:
        exercise = getattr(function, "__name__", "")
    if exercise or function is not None:
        _known(stems, exercise)
    return stems, exercise


def _stems(name: str) -> list[str]:
    try:
        return course.find_all([name] if name else [])
    except LookupError as problem:
        raise ValueError(problem.args[0]) from None


def _lessons_with(exercise: str) -> list[str]:
    """The lessons that have an exercise of this name."""
    return [s for s in course.stems() if exercise in {known.name for known in load(s).exercises}]


def pictures(what: int | str, namespace: Namespace) -> None:
    """Show what this notebook's functions look like: graphs, training, surfaces, and a page to step
    through the graph, forward and back.

    pictures(3, globals())      those of lesson 3, each drawn from the functions as they are now
    """
    from IPython.display import HTML, Image, display

    from checks.grader.figures.page import frame, stories_from
    from checks.grader.figures.save import draw_all
    from checks.grader.figures.subject import Undrawable

    (stem,) = _stems(str(what))
    server = _server(os.getpid())
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{stem}.py"
        path.write_text(_text_of(namespace), encoding="utf-8")
        for line, picture in draw_all(server, [(stem, path)], Path(folder), DRAWING):
            if picture is None:
                print(line)
            else:
                display(Image(picture.read_bytes()))  # type: ignore[no-untyped-call]
        if not any(isinstance(wanted, Graph) for wanted in load(stem).figures):
            return
        try:
            display(HTML(frame(stories_from(server, read_file(path, stem), DRAWING))))  # type: ignore[no-untyped-call]
        except Undrawable as reason:
            print(f"No page to step through: {reason}")


def program(what: int | str, namespace: Namespace) -> None:
    """Run a lesson's program on this notebook's functions: its training log, its questions.

    program(3, globals())
    """
    (stem,) = _stems(str(what))
    lesson = load(stem)
    module = ModuleType("notebook")
    vars(module).update(namespace)
    assert lesson.program is not None
    try:
        lesson.program(module, "cpu")
    except (NotImplementedError, AttributeError) as unfinished:
        print(f"Not finished yet: {unfinished}")


def _text_of(namespace: Namespace) -> str:
    """The definitions of the cells that were run, as the text of a lesson file."""
    cells = [str(cell) for cell in namespace.get("In", ())]
    return source_of_cells(cells)


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
        lesson_files = [read_lesson_file(course.home() / "exercises", stem) for stem in stems]
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


def _grade_notebook(namespace: Namespace, questions: Questions) -> LessonReport:
    """The report on every function of a lesson that this process has defined."""
    module = ModuleType("notebook")
    vars(module).update(namespace)
    lesson_file = LessonFile(questions.stem, Path("this notebook"), _text_of(namespace))
    session = NotebookSession(module, "", questions.settings.time_limit)
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

    def ask(self, calls: Calls, meanwhile: Callable[[], object]) -> list[Observation]:
        """The answers to the calls; an interrupt of the notebook ends it."""
        printed, log = worker.Printed(), AutogradLog()
        out: Any = printed
        seen: list[Observation] = []
        try:
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
                warnings.catch_warnings(),
                _alarm(self._time_limit),
            ):
                worker.tell_warnings(printed)
                for arguments in calls.calls:
                    printed.text = ""
                    log.ran.clear()
                    path = self._path_of(calls.exercise)
                    one = worker.call(self._module, calls, arguments, path)
                    _raise_again(one)
                    one = log.told(replace(one, printed=printed.text))
                    seen.append(messages.made_harmless(one))
                    if seen[-1].outcome in ("missing", "not_started"):
                        break
        except TimeLimit:
            seen.append(Observation("timeout", printed=printed.text))
        finally:
            log.stop()
        return seen

    def _path_of(self, exercise: str) -> str:
        """Where the text of a function is: the file or the cell."""
        code = getattr(getattr(self._module, exercise, None), "__code__", None)
        return self._path or (code.co_filename if code else "")

    def close(self) -> None:
        """Nothing was started."""


def _raise_again(seen: Observation) -> None:
    """An interrupt and a time limit are no errors of the student's function."""
    for kind in (TimeLimit, KeyboardInterrupt):
        if seen.error_type == kind.__name__:
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
