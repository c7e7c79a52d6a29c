"""Grade lesson files: ask the worker, hear the truth, compare, diagnose, pass the verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from checks.grader.grading import unreadable
from checks.grader.grading.compare import Fault, compare
from checks.grader.grading.diagnose import Diagnosis, diagnose
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.grading.method import line_of, other_method
from checks.grader.grading.probing import dependence, nearly_right, nudged
from checks.grader.grading.questions import Question
from checks.grader.grading.remarks import at_import, not_reached, remark, unstarted
from checks.grader.grading.table import inputs_shown, most_telling, rows
from checks.grader.language.inputs import Case
from checks.grader.language.lesson import Exercise
from checks.grader.language.truth import establish
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Settings, Verdict
from checks.grader.running.intake import LessonFile
from checks.grader.running.session import Session

#: Faults that are mended, or seen again, when the exercise is done by the method asked for.
SPOILED_BY_METHOD = ("type", "raised", "shape", "dtype", "changed", "grad left")
#: Faults that are not about the inputs of a call.
UNASKED = ("missing", "not_started")


def import_fault(
    exercise: Exercise, imported: Observation, settings: Settings, source: str | None
) -> Fault:
    if imported.outcome == "raised" and imported.error_type in unreadable.KINDS:
        message, excerpt = unreadable.told(source, imported)
        return Fault("error", message, "unreadable", excerpt=excerpt)
    says = "While your file was imported:"
    if imported.outcome in ("raised", "not_started"):
        imported, says = replace(imported, outcome="raised"), "Your file cannot be imported."
    fault = compare(exercise, None, imported, settings)
    assert fault is not None
    advice = at_import(source, imported) or fault.advice
    return replace(fault, message=f"{says} {fault.message}", advice=advice)


def refused(exercise: Exercise, fault: Fault, imported: Observation | None) -> Verdict:
    """A verdict for an exercise that could not be asked."""
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        message=fault.words,
        line=imported.line if imported else None,
        printed=imported.printed if imported else "",
        excerpt=fault.excerpt,
    )


def _unasked(question: Question, lesson_file: LessonFile, seen: Observation) -> Verdict:
    """A verdict on a stub, or on a function that is not there."""
    fault = compare(question.exercise, None, seen, question.settings)
    assert fault is not None
    read = not_reached(lesson_file.source, question.exercise, fault)
    if read:
        said = fault.message if fault.message.endswith((".", "!", "?")) else f"{fault.message}."
        fault = replace(fault, message=said, advice=read)
    line = line_of(lesson_file.source, question.exercise.name)
    return replace(refused(question.exercise, fault, seen), line=line)


def judge(session: Session, question: Question, lesson_file: LessonFile) -> Verdict:
    """Ask one exercise and judge the answers; the session stays open."""
    exercise = question.exercise
    imported = session.imported()
    if imported.outcome != "value":  # it died in an earlier exercise and did not come back
        died = import_fault(exercise, imported, question.settings, lesson_file.source)
        return refused(exercise, died, imported)
    empty = unstarted(lesson_file.source, exercise.name)
    if empty is not None:
        return _unasked(question, lesson_file, Observation("not_started", message=empty))
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
    again = compare(exercise, question.truths[0].by_hand, seen[-1], question.settings)
    if again is not None:
        return _failed(session, question, lesson_file, seen, 0, _not_repeatable(again))
    return _by_the_asked_method(question, lesson_file, seen)


def _not_repeatable(fault: Fault) -> Fault:
    if fault.status in ("timeout", "crashed"):
        return fault
    message = (
        "The first call is right, and a second call with the same arguments is not. Something is "
        f"remembered between calls: a global, a default argument, a `.grad`. {fault.words}"
    )
    return Fault("wrong", message.strip(), "second call")


def _by_the_asked_method(
    question: Question, lesson_file: LessonFile, seen: Sequence[Observation]
) -> Verdict:
    """Right values; passed unless they were reached by the method that was not asked for."""
    exercise = question.exercise
    other = other_method(lesson_file.source, exercise, seen)
    message = f"The values are right, but {other}" if other else ""
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
    exercise, source = question.exercise, lesson_file.source
    method = other_method(source, exercise, seen)
    if method and fault.kind in SPOILED_BY_METHOD:
        return _first_the_method(question, lesson_file, index, method)
    diagnosis, words = Diagnosis((), ""), remark(source, exercise, fault, seen[index])
    if fault.kind in ("value", "shape", "raised", "not finite"):
        evidence = [
            Evidence(truth, item)
            for truth, item in zip(question.truths, seen[: len(question.cases)], strict=False)
        ]
        if fault.kind == "value":
            index = most_telling(exercise, evidence, index, question.settings)
            evidence = [evidence[index], *evidence[:index], *evidence[index + 1 :]]
        prefixes = _prefixes(session, question) if fault.kind == "value" else []
        diagnosis = diagnose(exercise, evidence, prefixes, question.settings)
        if not words and fault.kind == "value" and not diagnosis.ids:
            words = _remembered(session, question, evidence, index)
            shown = "" if words else _shown_by_numbers(session, question, evidence, index)
            words = f"{shown} {diagnosis.message}" if shown else words
    if not words:
        named = diagnosis.ids or fault.kind == "value"
        words = f"{diagnosis.message} " if named else ""
        words += "" if diagnosis.ids else fault.advice
    message = f"{fault.message} {words}".strip()
    if method:
        message = f"First the method. {method[0].upper()}{method[1:]} {message}"
    shows = fault.kind in ("value", "not finite", "second call")
    answer = seen[index]
    line = line_of(source, exercise.name)
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        diagnosis.ids[0] if diagnosis.ids else None,
        message,
        inputs_shown(question.cases[index]),
        rows(exercise, question.truths[index], seen[-1] if fault.kind == "second call" else answer)
        if shows
        else (),
        (answer.line or line) if fault.kind == "raised" else line,
        answer.printed,
    )


def _first_the_method(
    question: Question, lesson_file: LessonFile, index: int, method: str
) -> Verdict:
    """What else is wrong goes away with the method, or is seen after it."""
    exercise = question.exercise
    return Verdict(
        exercise.name,
        "wrong_method",
        exercise.points,
        message=f"{method[0].upper()}{method[1:]}",
        case=inputs_shown(question.cases[index]),
        line=line_of(lesson_file.source, exercise.name),
    )


def _remembered(
    session: Session, question: Question, evidence: Sequence[Evidence], index: int
) -> str:
    """Whether a call that was answered wrong is answered right when it is made first."""
    if index == 0 or session.imported().outcome != "value":
        return ""
    session.close()
    if session.imported().outcome != "value":
        return ""
    seen = session.ask(question.asking([question.cases[index]]), question.establish)[0]
    if compare(question.exercise, evidence[0].truth.by_hand, seen, question.settings) is not None:
        return ""
    return (
        "Your answer to one and the same call changes: made as the first one, this call is "
        "answered right, and after others it is not. Something is remembered: a global, a default "
        "argument, a `.grad`, a model that is made once."
    )


def _shown_by_numbers(
    session: Session, question: Question, evidence: Sequence[Evidence], index: int
) -> str:
    """What more calls show of an answer that no mistake explains; evidence[0] is the case shown."""
    exercise = question.exercise
    if any(item.seen.outcome != "value" for item in evidence):
        return ""
    near = nearly_right(exercise, evidence, question.settings)
    if near:
        return near
    moved = nudged(question.cases[index])
    if not moved or session.imported().outcome != "value":
        return ""
    seen = session.ask(question.asking(moved), question.establish)
    try:
        truths = [establish(exercise, each, question.dtype) for each in moved]
    except (ArithmeticError, RuntimeError, ValueError):  # nothing is right for such an input
        return ""
    others = [(c.name, t, s) for c, t, s in zip(moved, truths, seen, strict=False)]
    return dependence(exercise, evidence[0], others, question.settings)


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
