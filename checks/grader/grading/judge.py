"""Grade lesson files: ask the worker, hear the truth, compare, diagnose, pass the verdict."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from typing import Any, Protocol

import torch
from torch import Tensor

from checks.grader.grading.compare import Fault, aligned, compare, describe, tensor_of
from checks.grader.grading.diagnose import diagnose
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.grading.method import autograd_in, line_of
from checks.grader.language.inputs import Case, cases, rounded
from checks.grader.language.lesson import Built, Exercise, Lesson, Source, load
from checks.grader.language.truth import Truth, establish, parts
from checks.grader.records.verdict import (
    LessonReport,
    Observation,
    Report,
    Row,
    Settings,
    Verdict,
    observation,
)
from checks.grader.running import frames
from checks.grader.running.intake import Submission
from checks.grader.running.server import START_UP, Child, Server

MAX_ROWS = 64
#: Faults that are not about the inputs of a call.
UNASKED = ("missing", "not_started")
TICK = 0.02  # seconds between two looks at whether somebody still wants the answer


@dataclass(frozen=True)
class Sheet:
    """One exercise ready to be asked: its cases, the request, the truth (computed when needed)."""

    exercise: Exercise
    cases: tuple[Case, ...]
    settings: Settings

    @cached_property
    def truths(self) -> tuple[Truth, ...]:
        return tuple(establish(self.exercise, case, self.dtype) for case in self.cases)

    @cached_property
    def request(self) -> tuple[dict[str, Any], bytes]:
        """Every case, and the first once more: a second call must give the same answer."""
        return self.asking([*self.cases, self.cases[0]])

    @property
    def dtype(self) -> torch.dtype:
        return torch.float64 if self.settings.dtype == "float64" else torch.float32

    def asking(self, cases: Sequence[Case]) -> tuple[dict[str, Any], bytes]:
        packer = frames.Packer()
        calls = []
        for case in cases:
            inputs = rounded(case.inputs, self.dtype)
            calls.append([pack(inputs[name], packer) for name in self.exercise.parameters])
        driver = self.exercise.driver
        header = {
            "exercise": self.exercise.name,
            "driver": Source(driver).text if driver else None,
            "device": self.settings.device,
            "dtype": self.settings.dtype,
            "calls": calls,
        }
        return header, bytes(packer.body)


@dataclass(frozen=True)
class Exam:
    """One lesson ready to be asked; the same for every submission graded with these settings."""

    stem: str
    lesson: Lesson
    sheets: tuple[Sheet, ...]
    settings: Settings


@lru_cache(maxsize=64)
def prepare(stem: str, settings: Settings) -> Exam:
    """Draw the inputs of one lesson. They, and the truth, are the same for a whole class."""
    lesson = load(stem)
    sheets = tuple(
        Sheet(exercise, cases(stem, lesson, exercise, settings.seed), settings)
        for exercise in lesson.exercises
    )
    return Exam(stem, lesson, sheets, settings)


def restricted(exam: Exam, exercise: str) -> Exam:
    """An exam of one exercise only."""
    return replace(exam, sheets=tuple(s for s in exam.sheets if s.exercise.name == exercise))


class Examinee(Protocol):
    """Whoever answers requests: a process that holds a lesson file, or something in its place."""

    def imported(self) -> Observation: ...

    def ask(self, sheet: Sheet, request: tuple[dict[str, Any], bytes]) -> list[Observation]: ...

    def close(self) -> None: ...


class Session:
    """A submission's process: started when it is needed, and again after it died.

    waiting   called again and again while an answer is awaited; what it raises ends the wait
    """

    def __init__(
        self,
        server: Server,
        submission: Submission,
        settings: Settings,
        waiting: Callable[[], None] | None = None,
    ) -> None:
        self._waiting = waiting
        self._server = server
        self._submission = submission
        self._settings = settings
        self._child: Child | None = None
        self.start()

    def start(self) -> None:
        """Start the process; its import of the student's file goes on beside the judge's work."""
        self._child = self._server.child(self._job())
        self._imported: Observation | None = None

    def turn_to(self, submission: Submission) -> None:
        """Go on with another file of the same student, in the same process if it still lives."""
        self._submission = submission
        if self._child is None:
            self.start()
        else:
            self._child.send(self._job())
            self._imported = None

    def imported(self) -> Observation:
        """What came of importing the file; waits for it the first time."""
        if self._child is None:
            self.start()
        if self._imported is None:
            slow = START_UP if self._settings.device != "cpu" or self._server.is_fresh else 0.0
            deadline = time.monotonic() + self._settings.time_limit + slow
            self._imported = self._receive(deadline)
        return self._imported

    def ask(self, sheet: Sheet, request: tuple[dict[str, Any], bytes]) -> list[Observation]:
        """The answers to a request; the last one says so if the process did not survive."""
        assert self._child is not None
        header, body = request
        self._child.send(header | {"path": str(self._submission.path)}, body)
        deadline = time.monotonic() + self._settings.time_limit
        seen: list[Observation] = []
        for _ in header["calls"]:
            seen.append(self._receive(deadline))
            if seen[-1].outcome in ("missing", "not_started", "timeout", "crashed"):
                break
            paused = time.monotonic()
            _ = sheet.truths  # the judge computes while the student's process does
            deadline += time.monotonic() - paused
        return seen

    def close(self) -> None:
        if self._child is not None:
            self._child.close()
            self._child = None

    def _job(self) -> dict[str, Any]:
        return {
            "stem": self._submission.stem,
            "path": str(self._submission.path),
            "source": self._submission.source,
            "device": self._settings.device,
            "room": str(self._submission.room or ""),
        }

    def _receive(self, deadline: float) -> Observation:
        assert self._child is not None
        if self._waiting is not None:
            while not self._child.ready(TICK) and time.monotonic() < deadline:
                self._waiting()
        try:
            return observation(*self._child.receive(deadline))
        except frames.Late:
            self.close()
            return Observation("timeout")
        except frames.Broken:
            self.close()
            return Observation("crashed")


def grade(session: Examinee | None, exam: Exam, submission: Submission) -> LessonReport:
    """The report of one lesson file. `session` is None when there is no text to run."""
    path = str(submission.path)
    if session is None:
        fault = Fault("error", submission.problem, "no file")
        verdicts = [_refused(sheet.exercise, fault, None) for sheet in exam.sheets]
        return LessonReport(exam.stem, exam.lesson.title, path, tuple(verdicts))
    imported = session.imported()
    if imported.outcome != "value":
        fault = _import_fault(exam.sheets[0].exercise, imported, exam.settings)
        verdicts = [_refused(sheet.exercise, fault, imported) for sheet in exam.sheets]
        return LessonReport(exam.stem, exam.lesson.title, path, tuple(verdicts))
    verdicts = [judge(session, sheet, submission) for sheet in exam.sheets]
    return LessonReport(exam.stem, exam.lesson.title, path, tuple(verdicts))


def _import_fault(exercise: Exercise, imported: Observation, settings: Settings) -> Fault:
    says = "While your file was imported:"
    if imported.outcome in ("raised", "not_started"):
        imported, says = replace(imported, outcome="raised"), "Your file cannot be imported."
    fault = compare(exercise, None, imported, settings)
    assert fault is not None
    return replace(fault, message=f"{says} {fault.message}")


def _refused(exercise: Exercise, fault: Fault, imported: Observation | None) -> Verdict:
    """A verdict for an exercise that could not be asked."""
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        message=fault.message,
        line=imported.line if imported else None,
        printed=imported.printed if imported else "",
    )


def _unasked(sheet: Sheet, submission: Submission, seen: Observation) -> Verdict:
    """A verdict on a stub, or on a function that is not there."""
    fault = compare(sheet.exercise, None, seen, sheet.settings)
    assert fault is not None
    line = line_of(submission.source, sheet.exercise.name)
    return replace(_refused(sheet.exercise, fault, seen), line=line)


def judge(session: Examinee, sheet: Sheet, submission: Submission) -> Verdict:
    """Ask one exercise and judge the answers; the session stays open."""
    exercise = sheet.exercise
    imported = session.imported()
    if imported.outcome != "value":  # it died in an earlier exercise and did not come back
        return _refused(exercise, _import_fault(exercise, imported, sheet.settings), imported)
    seen = session.ask(sheet, sheet.request)
    if seen[0].outcome in UNASKED:  # nothing to compare, so no truth is established
        return _unasked(sheet, submission, seen[0])
    disputes = [truth.dispute for truth in sheet.truths if truth.dispute]
    if disputes:
        return _course_error(exercise, disputes[0])
    for i, answer in enumerate(seen[: len(sheet.cases)]):
        fault = compare(exercise, sheet.truths[i].by_hand, answer, sheet.settings)
        if fault is not None:
            return _failed(session, sheet, submission, seen, i, fault)
    again = compare(exercise, sheet.truths[0].by_hand, seen[-1], sheet.settings)
    if again is not None:
        return _failed(session, sheet, submission, seen, 0, _not_repeatable(again))
    return _by_the_asked_method(sheet, submission, seen)


def _not_repeatable(fault: Fault) -> Fault:
    if fault.status in ("timeout", "crashed"):
        return fault
    message = (
        "The first call is right, and a second call with the same arguments is not. Something is "
        f"remembered between calls: a global, a default argument, a `.grad`. {fault.message}"
    )
    return Fault("wrong", message.strip(), "second call")


def _by_the_asked_method(
    sheet: Sheet, submission: Submission, seen: Sequence[Observation]
) -> Verdict:
    """Right values; passed unless they were reached by the method that was not asked for."""
    exercise = sheet.exercise
    message = ""
    if exercise.method == "by_hand":
        found = autograd_in(submission.source or "", exercise.name)
        if found:
            message = (
                f"The values are right, but {found} lets autograd do the work. Write the chain "
                "rule out in tensor arithmetic here."
            )
        elif any(answer.autograd for answer in seen):
            message = (
                "The values are right, but PyTorch's autograd ran during the call. Write the "
                "chain rule out in tensor arithmetic here."
            )
    elif exercise.method == "by_autograd" and not seen[0].autograd:
        message = (
            "The values are right, but autograd never ran: this looks like the formula typed "
            "again. Let PyTorch find the gradient: `.requires_grad_()`, forward, `.backward()`."
        )
    return Verdict(
        exercise.name,
        "wrong_method" if message else "passed",
        exercise.points,
        message=message,
        case=_case_json(sheet.cases[0]) if message else {},
        line=line_of(submission.source, exercise.name),
    )


def _failed(
    session: Examinee,
    sheet: Sheet,
    submission: Submission,
    seen: Sequence[Observation],
    index: int,
    fault: Fault,
) -> Verdict:
    exercise, truth, answer = sheet.exercise, sheet.truths[index], seen[index]
    misconception, message = None, fault.message
    if fault.kind in ("value", "shape", "raised", "not finite"):
        evidence = [
            Evidence(truth, item)
            for truth, item in zip(sheet.truths, seen[: len(sheet.cases)], strict=False)
        ]
        prefixes = _prefixes(session, sheet) if fault.kind == "value" else []
        diagnosis = diagnose(exercise, evidence, prefixes, sheet.settings)
        misconception = diagnosis.ids[0] if diagnosis.ids else None
        if diagnosis.ids or fault.kind == "value":
            message = f"{message} {diagnosis.message}".strip()
    shows = fault.kind in ("value", "not finite", "second call")
    line = line_of(submission.source, exercise.name)
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        misconception,
        message,
        _case_json(sheet.cases[index]),
        _rows(exercise, truth, seen[-1] if fault.kind == "second call" else answer)
        if shows
        else (),
        (answer.line or line) if fault.kind == "raised" else line,
        answer.printed,
    )


def _prefixes(session: Examinee, sheet: Sheet) -> list[Prefix]:
    """Where a training first goes wrong, from smaller calls that are made only now."""
    if sheet.exercise.prefixes is None:
        return []
    smaller = sheet.exercise.prefixes(**sheet.cases[-1].inputs)
    calls = [Case(covers, inputs) for covers, inputs in smaller]
    if session.imported().outcome != "value":
        return []
    seen = session.ask(sheet, sheet.asking(calls))
    truths = [establish(sheet.exercise, case, sheet.dtype) for case in calls]
    return [Prefix(c.name, t, s) for c, t, s in zip(calls, truths, seen, strict=False)]


def _course_error(exercise: Exercise, dispute: str) -> Verdict:
    message = f"Course error, not yours: the witnesses of the truth disagree ({dispute})."
    return Verdict(exercise.name, "course_error", exercise.points, message=message)


def _rows(exercise: Exercise, truth: Truth, seen: Observation) -> tuple[Row, ...]:
    """The table of a wrong answer, one row per component."""
    rows: list[Row] = []
    hands = parts(truth.by_hand)
    yours = aligned(truth.by_hand, seen.value)
    autograds = parts(truth.autograd) if truth.autograd is not None else (None,) * len(hands)
    for quantity, hand, mine, auto in zip(
        exercise.quantities, hands, yours, autograds, strict=True
    ):
        names = _components(quantity, hand, exercise.labels.get(quantity))
        for i, name in enumerate(names):
            rows.append(Row(name, _entry(mine, i), _entry(auto, i), _entry(hand, i)))
    return tuple(rows[:MAX_ROWS])


def _components(quantity: str, value: Any, labels: tuple[str, ...] | None) -> list[str]:
    """Names for the entries of a value: its labels, or the quantity with indices."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return [quantity]
    if labels:
        return list(labels)
    indices = torch.cartesian_prod(*(torch.arange(size) for size in value.shape)).reshape(
        -1, value.ndim
    )
    return [f"{quantity}[{', '.join(map(str, index))}]" for index in indices.tolist()]


def _entry(value: Any, index: int) -> Any:
    if value is None:
        return None
    if isinstance(value, (bool, int)):
        return value
    values = value if isinstance(value, Tensor) else tensor_of(value)
    if values is None:
        return describe(value)
    flat = values.reshape(-1)
    return _short(flat[index].item()) if index < flat.numel() else None


def _short(number: float) -> float:
    """Seven digits: what float32 can tell, and what a table can show."""
    return float(f"{number:.7g}")


def _case_json(case: Case) -> dict[str, Any]:
    return {name: _readable(value) for name, value in case.inputs.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, Source):
        return str(value)
    if isinstance(value, Built):
        return f"{value.source} ({', '.join(str(part.tolist()) for part in value.arguments)})"
    return value


def pack(value: Any, packer: frames.Packer) -> Mapping[str, Any]:
    if isinstance(value, Tensor):
        return packer.tensor(value, "float64", "cpu")
    if isinstance(value, Source):
        return {"source": value.text}
    if isinstance(value, Built):
        return {
            "build": value.source.text,
            "with": [pack(part, packer) for part in value.arguments],
        }
    return {"plain": value}


def grade_all(server: Server, submissions: Sequence[Submission], settings: Settings) -> Report:
    """The report of several lesson files. Each one's process starts while the last is judged."""
    reports: list[LessonReport] = []
    with ExitStack() as stack:
        sessions: list[Session | None] = []
        for i, submission in enumerate(submissions):
            for later in submissions[len(sessions) : i + 2]:
                sessions.append(stack.enter_context(single_session(server, later, settings)))
            session = sessions[i]
            reports.append(grade(session, prepare(submission.stem, settings), submission))
            if session is not None:
                session.close()
    return Report(settings, tuple(reports))


def grade_together(server: Server, submissions: Sequence[Submission], settings: Settings) -> Report:
    """The report of one student's lesson files, all in one process as long as it lives.

    A process of its own for every lesson costs a class as much time as the lessons themselves.
    """
    reports = []
    session: Session | None = None
    try:
        for submission in submissions:
            exam = prepare(submission.stem, settings)
            if submission.source is None:
                reports.append(grade(None, exam, submission))
                continue
            if session is None:
                session = Session(server, submission, settings)
            else:
                session.turn_to(submission)
            reports.append(grade(session, exam, submission))
    finally:
        if session is not None:
            session.close()
    return Report(settings, tuple(reports))


@contextmanager
def single_session(
    server: Server,
    submission: Submission,
    settings: Settings,
    waiting: Callable[[], None] | None = None,
) -> Iterator[Session | None]:
    """The process of one submission, ended at last; None when there is no text to run."""
    if submission.source is None:
        yield None
        return
    session = Session(server, submission, settings, waiting)
    try:
        yield session
    finally:
        session.close()
