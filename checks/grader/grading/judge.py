"""Grade lesson files: ask the worker, hear the truth, compare, diagnose, pass the verdict."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from checks.grader.grading import unreadable
from checks.grader.grading.compare import Fault, compare
from checks.grader.grading.diagnose import Diagnosis, diagnose
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.grading.method import other_method
from checks.grader.grading.places import slip_in_every_step, slip_in_the_graph
from checks.grader.grading.probing import dependence, nearly_right, nudged, tells
from checks.grader.grading.questions import Question, Questions
from checks.grader.grading.reading import line_of
from checks.grader.grading.remarks import at_import, not_reached, remark, unstarted
from checks.grader.grading.table import inputs_shown, most_telling, rows
from checks.grader.language.lesson import Exercise
from checks.grader.language.truth import establish
from checks.grader.records.misuse import Misuse
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Settings, Verdict
from checks.grader.running.intake import LessonFile
from checks.grader.running.session import Session

#: Faults that are mended, or seen again, when the exercise is done by the method asked for.
SPOILED_BY_METHOD = ("type", "raised", "shape", "dtype", "changed", "grad left")
#: Faults that are not about the inputs of a call.
UNASKED = ("missing", "not_started")
UNJUDGED = "the checker could not judge this answer"


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


def judged(session: Session, question: Question, lesson_file: LessonFile) -> Verdict:
    """The verdict on one exercise, whatever happens on the way to it.

    What the judge itself cannot do is nobody's mistake: it scores nothing against anybody, says
    where it stopped, and ends neither the check nor the class.
    """
    try:
        return judge(session, question, lesson_file)
    except Misuse:  # there is no process to ask
        raise
    except Exception as error:
        session.close()  # an answer may be unread
        return _course_error(question.exercise, f"{UNJUDGED} ({_place(error)})")


def not_imported(questions: Questions, imported: Observation, source: str | None) -> list[Verdict]:
    """The verdicts on a file that cannot be imported: the same for every exercise."""
    exercises = [question.exercise for question in questions.all]
    try:
        fault = import_fault(exercises[0], imported, questions.settings, source)
    except Exception as error:
        return [_course_error(exercise, f"{UNJUDGED} ({_place(error)})") for exercise in exercises]
    return [refused(exercise, fault, imported) for exercise in exercises]


def _place(error: Exception) -> str:
    """What was raised, and by which line of the course."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}"


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
    raw = session.ask(question.calls, question.establish)
    if raw[0].outcome in UNASKED:  # nothing to compare, so no truth is established
        return _unasked(question, lesson_file, raw[0])
    disputes = [truth.dispute for truth in question.truths if truth.dispute]
    if disputes:
        return _course_error(exercise, f"the witnesses of the truth disagree ({disputes[0]})")
    seen = question.read(raw)
    found = _first_fault(question, seen)
    if found is None:
        return _by_the_asked_method(question, lesson_file, seen)
    if exercise.mended is not None and session.imported().outcome == "value":
        mended = question.with_mended
        apart = mended.read(session.ask(mended.calls, question.establish))
        own = _first_fault(mended, apart)
        if own is None:
            return _because_of_one_before(question, lesson_file, seen, *found)
        if apart[0].outcome not in UNASKED:
            return _failed(session, mended, lesson_file, apart, *own)
    return _failed(session, question, lesson_file, seen, *found)


def _first_fault(question: Question, seen: Sequence[Observation]) -> tuple[int, Fault] | None:
    """The first case that is not right, and why; a case asked again comes last."""
    exercise, settings = question.exercise, question.settings
    for i, answer in enumerate(seen[: len(question.cases)]):
        truth = question.truths[i]
        fault = compare(exercise, truth.by_hand, answer, settings, truth.inputs)
        if fault is not None:
            return i, fault
    for answer in seen[len(question.cases) :]:
        expected = question.truths[question.again].by_hand
        fault = compare(exercise, expected, answer, settings)
        if fault is not None:
            return question.again, _not_repeatable(fault)
    return None


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


def _because_of_one_before(
    question: Question,
    lesson_file: LessonFile,
    seen: Sequence[Observation],
    index: int,
    fault: Fault,
) -> Verdict:
    """A verdict on a function that is right as soon as those before it are."""
    name = question.exercise.name
    message = (
        f"{fault.message} With right functions in place of those before it in the file, `{name}` "
        "is right: mend the first of them that is not passed."
    )
    return _verdict(question, lesson_file, seen, index, fault, None, message.strip())


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
    if method and exercise.method != "by_autograd" and fault.kind in SPOILED_BY_METHOD:
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
        diagnosis = diagnose(exercise, evidence, prefixes, question.settings, question.wrong)
        if not words and fault.kind == "value" and not diagnosis.ids:
            words = _remembered(session, question, evidence, index)
            if not words:
                told = slip_in_the_graph(exercise, evidence, question.settings)
                told = told or slip_in_every_step(exercise, prefixes, question.settings)
                shown = "" if told else _shown_by_numbers(session, question, evidence, index)
                said = (shown, diagnosis.message, told.words if told else exercise.idea)
                diagnosis = Diagnosis(told.ids if told else (), " ".join(filter(None, said)))
    if not words:
        named = diagnosis.ids or fault.kind == "value"
        words = f"{diagnosis.message} " if named else ""
        words += "" if diagnosis.ids else fault.advice
    message = f"{fault.message} {words}".strip()
    if method:
        message = f"First the method. {method[0].upper()}{method[1:]} {message}"
    id = diagnosis.ids[0] if diagnosis.ids else None
    return _verdict(question, lesson_file, seen, index, fault, id, message)


def _verdict(
    question: Question,
    lesson_file: LessonFile,
    seen: Sequence[Observation],
    index: int,
    fault: Fault,
    misconception: str | None,
    message: str,
) -> Verdict:
    """A wrong answer with its case, and with its table where there are numbers to show."""
    exercise = question.exercise
    shows = fault.kind in ("value", "not finite", "second call")
    answer = seen[index]
    if fault.kind == "second call":
        answer = seen[-1]
    line = line_of(lesson_file.source, exercise.name)
    return Verdict(
        exercise.name,
        fault.status,
        exercise.points,
        misconception,
        message,
        inputs_shown(question.cases[index]),
        rows(exercise, question.truths[index], answer, question.settings) if shows else (),
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
    order = [index, *(i for i in range(len(evidence)) if i != index)]
    at = next((k for k, item in enumerate(evidence) if tells(item)), 0)
    moved = nudged(question.cases[order[at]])
    if not moved or session.imported().outcome != "value":
        return ""
    seen = session.ask(question.asking(moved), question.establish)
    try:
        truths = [establish(exercise, each, question.dtype) for each in moved]
    except (ArithmeticError, RuntimeError, ValueError):  # nothing is right for such an input
        return ""
    others = [(c.name, t, s) for c, t, s in zip(moved, truths, seen, strict=False)]
    return dependence(exercise, evidence[at], others, question.settings)


def _prefixes(session: Session, question: Question) -> list[Prefix]:
    """Where a training first goes wrong, from smaller calls that are made only now."""
    smaller = question.smaller
    if smaller is None or session.imported().outcome != "value":
        return []
    seen = session.ask(smaller.asking(smaller.cases), smaller.establish)
    every = zip(smaller.cases, smaller.truths, seen, strict=False)
    return [Prefix(case.name, truth, one) for case, truth, one in every]


def _course_error(exercise: Exercise, problem: str) -> Verdict:
    message = f"Course error, not yours: {problem}."
    return Verdict(exercise.name, "course_error", exercise.points, message=message)
