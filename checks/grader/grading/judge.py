"""Grade lesson files: ask the worker, hear the truth, compare, diagnose, pass the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checks.grader.grading.compare import Fault, compare
from checks.grader.grading.diagnose import diagnose
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.grading.method import autograd_in, line_of
from checks.grader.grading.questions import Question
from checks.grader.grading.table import (
    inputs_shown,
    rows,
)
from checks.grader.language.inputs import Case
from checks.grader.language.lesson import Exercise
from checks.grader.language.truth import establish
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Settings, Verdict
from checks.grader.running.intake import LessonFile
from checks.grader.running.session import Session

#: Faults that are not about the inputs of a call.
UNASKED = ("missing", "not_started")


def import_fault(exercise: Exercise, imported: Observation, settings: Settings) -> Fault:
    says = "While your file was imported:"
    if imported.outcome in ("raised", "not_started"):
        imported, says = replace(imported, outcome="raised"), "Your file cannot be imported."
    fault = compare(exercise, None, imported, settings)
    assert fault is not None
    return replace(fault, message=f"{says} {fault.message}")


def refused(exercise: Exercise, fault: Fault, imported: Observation | None) -> Verdict:
    """A verdict for an exercise that could not be asked."""
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        message=fault.message,
        line=imported.line if imported else None,
        printed=imported.printed if imported else "",
    )


def _unasked(question: Question, lesson_file: LessonFile, seen: Observation) -> Verdict:
    """A verdict on a stub, or on a function that is not there."""
    fault = compare(question.exercise, None, seen, question.settings)
    assert fault is not None
    line = line_of(lesson_file.source, question.exercise.name)
    return replace(refused(question.exercise, fault, seen), line=line)


def judge(session: Session, question: Question, lesson_file: LessonFile) -> Verdict:
    """Ask one exercise and judge the answers; the session stays open."""
    exercise = question.exercise
    imported = session.imported()
    if imported.outcome != "value":  # it died in an earlier exercise and did not come back
        return refused(exercise, import_fault(exercise, imported, question.settings), imported)
    seen = session.ask(question.request, question.establish)
    if seen[0].outcome in UNASKED:  # nothing to compare, so no truth is established
        return _unasked(question, lesson_file, seen[0])
    disputes = [truth.dispute for truth in question.truths if truth.dispute]
    if disputes:
        return _course_error(exercise, disputes[0])
    for i, answer in enumerate(seen[: len(question.cases)]):
        fault = compare(exercise, question.truths[i].by_hand, answer, question.settings)
        if fault is not None:
            return _failed(session, question, lesson_file, seen, i, fault)
    count = len(question.cases)
    for i, answer in zip((-1, 0), seen[count:], strict=False):
        again = compare(exercise, question.truths[i].by_hand, answer, question.settings)
        if again is not None:
            shown = [*seen[:count], answer]
            return _failed(session, question, lesson_file, shown, i % count, _not_repeatable(again))
    return _by_the_asked_method(question, lesson_file, seen)


def _not_repeatable(fault: Fault) -> Fault:
    if fault.status in ("timeout", "crashed"):
        return fault
    message = (
        "The first call is right, and a second call with the same arguments is not. Something is "
        f"remembered between calls: a global, a default argument, a `.grad`. {fault.message}"
    )
    return Fault("wrong", message.strip(), "second call")


def _by_the_asked_method(
    question: Question, lesson_file: LessonFile, seen: Sequence[Observation]
) -> Verdict:
    """Right values; passed unless they were reached by the method that was not asked for."""
    exercise = question.exercise
    message = ""
    if exercise.method == "by_hand":
        found = autograd_in(lesson_file.source or "", exercise.name)
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
        case=inputs_shown(question.cases[0]) if message else {},
        line=line_of(lesson_file.source, exercise.name),
    )


def _failed(
    session: Session,
    question: Question,
    lesson_file: LessonFile,
    seen: Sequence[Observation],
    index: int,
    fault: Fault,
) -> Verdict:
    exercise, truth, answer = question.exercise, question.truths[index], seen[index]
    misconception, message = None, fault.message
    if fault.kind in ("value", "shape", "raised", "not finite"):
        evidence = [
            Evidence(truth, item)
            for truth, item in zip(question.truths, seen[: len(question.cases)], strict=False)
        ]
        prefixes = _prefixes(session, question) if fault.kind == "value" else []
        diagnosis = diagnose(exercise, evidence, prefixes, question.settings)
        misconception = diagnosis.ids[0] if diagnosis.ids else None
        if diagnosis.ids or fault.kind == "value":
            message = f"{message} {diagnosis.message}".strip()
    shows = fault.kind in ("value", "not finite", "second call")
    line = line_of(lesson_file.source, exercise.name)
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        misconception,
        message,
        inputs_shown(question.cases[index]),
        rows(exercise, truth, seen[-1] if fault.kind == "second call" else answer) if shows else (),
        (answer.line or line) if fault.kind == "raised" else line,
        answer.printed,
    )


def _prefixes(session: Session, question: Question) -> list[Prefix]:
    """Where a training first goes wrong, from smaller calls that are made only now."""
    if question.exercise.prefixes is None:
        return []
    smaller = question.exercise.prefixes(**question.cases[-1].inputs)
    calls = [Case(covers, inputs) for covers, inputs in smaller]
    if session.imported().outcome != "value":
        return []
    seen = session.ask(question.asking(calls), question.establish)
    truths = [establish(question.exercise, case, question.dtype) for case in calls]
    return [Prefix(c.name, t, s) for c, t, s in zip(calls, truths, seen, strict=False)]


def _course_error(exercise: Exercise, dispute: str) -> Verdict:
    message = f"Course error, not yours: the witnesses of the truth disagree ({dispute})."
    return Verdict(exercise.name, "course_error", exercise.points, message=message)
