"""The reports on lesson files: one, several, or all of one student's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace

from checks.grader.grading.compare import Fault
from checks.grader.grading.judge import judged, not_imported, refused
from checks.grader.grading.precedence import with_first_to_mend
from checks.grader.grading.questions import Questions, questions_of, restricted
from checks.grader.records.misuse import Misuse
from checks.grader.records.verdict import LessonReport, Report, Settings, Verdict
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.grader.running.session import Allowance, ProcessSession, Session, single_session

#: How often an answer is asked for when it is not the student's process that fails.
ATTEMPTS = 3


def grade(session: Session | None, questions: Questions, lesson_file: LessonFile) -> LessonReport:
    """The report of one lesson file. `session` is None when there is no text to run."""
    verdicts = tuple(_verdicts(session, questions, lesson_file))
    return LessonReport(questions.stem, questions.lesson.title, str(lesson_file.path), verdicts)


def _verdicts(
    session: Session | None, questions: Questions, lesson_file: LessonFile
) -> Sequence[Verdict]:
    if session is None:
        fault = Fault("error", lesson_file.problem, "no file")
        return [refused(question.exercise, fault, None) for question in questions.all]
    imported = session.imported()
    if imported.outcome != "value":
        return not_imported(questions, imported, lesson_file.source)
    found = [judged(session, question, lesson_file) for question in questions.all]
    apart = {q.exercise.name for q in questions.all if q.exercise.mended is not None}
    return with_first_to_mend(found, lesson_file.source, apart)


def grade_all(server: Server, lesson_files: Sequence[LessonFile], settings: Settings) -> Report:
    """The report of several lesson files. Each one's process starts while the last is judged."""
    reports: list[LessonReport] = []
    with ExitStack() as stack:
        sessions: list[ProcessSession | None] = []
        for i, lesson_file in enumerate(lesson_files):
            for later in lesson_files[len(sessions) : i + 2]:
                sessions.append(stack.enter_context(single_session(server, later, settings)))
            session = sessions[i]
            reports.append(grade(session, questions_of(lesson_file.stem, settings), lesson_file))
            if session is not None:
                session.close()
    return Report(settings, tuple(reports))


def grade_together(
    server: Server,
    lesson_files: Sequence[LessonFile],
    settings: Settings,
    allowance: Allowance | None = None,
) -> Report:
    """The report of one student's lesson files, all in one process as long as it lives.

    A process of its own for every lesson costs a class as much time as the lessons themselves.
    Where the process ended or ran too long, the exercise is asked again alone: what came of it
    counts only then. Raises Misuse if there is no process to ask.
    """
    reports = []
    again = Allowance()
    session: ProcessSession | None = None
    try:
        for lesson_file in lesson_files:
            questions = questions_of(lesson_file.stem, settings)
            if lesson_file.source is None:
                reports.append(grade(None, questions, lesson_file))
                continue
            if session is None:
                session = ProcessSession(server, lesson_file, settings, allowance=allowance)
            else:
                session.turn_to(lesson_file)
            report = grade(session, questions, lesson_file)
            if session.ended:
                session.close()
                report = _second_opinion(
                    server, session.ended, questions, lesson_file, report, again
                )
            reports.append(report)
    finally:
        if session is not None:
            session.close()
    return Report(settings, tuple(reports))


def _second_opinion(
    server: Server,
    doubtful: Sequence[str],
    questions: Questions,
    lesson_file: LessonFile,
    report: LessonReport,
    allowance: Allowance,
) -> LessonReport:
    """The report with what is in doubt asked again, each exercise in a process of its own.

    doubtful   exercises, or "" for all of them: the file's import
    """
    verdicts = list(report.verdicts)
    for i, question in enumerate(questions.all):
        if "" not in doubtful and question.exercise.name not in doubtful:
            continue
        alone = restricted(questions, question.exercise.name)
        imported, verdicts[i] = _asked_alone(server, alone, lesson_file, allowance)
        if not imported:  # then the others need not be asked
            everybody = verdicts[i]
            verdicts = [_same_fault(verdict, everybody) for verdict in verdicts]
            break
    return replace(report, verdicts=tuple(verdicts))


def _asked_alone(
    server: Server, question: Questions, lesson_file: LessonFile, allowance: Allowance
) -> tuple[bool, Verdict]:
    """Whether the import lived, and a verdict, on a server in which nothing has run before."""
    for _ in range(ATTEMPTS):
        with (
            server.another() as own,
            single_session(own, lesson_file, question.settings, allowance=allowance) as session,
        ):
            assert session is not None
            (verdict,) = _verdicts(session, question, lesson_file)
            if not session.ended or own.answers():
                return "" not in session.ended, verdict
    raise Misuse("the process that runs submissions ended again and again")


def _same_fault(verdict: Verdict, other: Verdict) -> Verdict:
    return replace(other, exercise=verdict.exercise, max_points=verdict.max_points)
