"""The reports on lesson files: one, several, or all of one student's."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

from checks.grader.grading.compare import Fault
from checks.grader.grading.judge import (
    import_fault,
    judge,
    refused,
)
from checks.grader.grading.questions import Questions, questions_of
from checks.grader.records.verdict import LessonReport, Report, Settings
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.grader.running.session import ProcessSession, Session, single_session


def grade(session: Session | None, questions: Questions, lesson_file: LessonFile) -> LessonReport:
    """The report of one lesson file. `session` is None when there is no text to run."""
    path = str(lesson_file.path)
    if session is None:
        fault = Fault("error", lesson_file.problem, "no file")
        verdicts = [refused(question.exercise, fault, None) for question in questions.all]
        return LessonReport(questions.stem, questions.lesson.title, path, tuple(verdicts))
    imported = session.imported()
    if imported.outcome != "value":
        fault = import_fault(questions.all[0].exercise, imported, questions.settings)
        verdicts = [refused(question.exercise, fault, imported) for question in questions.all]
        return LessonReport(questions.stem, questions.lesson.title, path, tuple(verdicts))
    verdicts = [judge(session, question, lesson_file) for question in questions.all]
    return LessonReport(questions.stem, questions.lesson.title, path, tuple(verdicts))


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
    server: Server, lesson_files: Sequence[LessonFile], settings: Settings
) -> Report:
    """The report of one student's lesson files, all in one process as long as it lives.

    A process of its own for every lesson costs a class as much time as the lessons themselves.
    """
    reports = []
    session: ProcessSession | None = None
    try:
        for lesson_file in lesson_files:
            questions = questions_of(lesson_file.stem, settings)
            if lesson_file.source is None:
                reports.append(grade(None, questions, lesson_file))
                continue
            if session is None:
                session = ProcessSession(server, lesson_file, settings)
            else:
                session.turn_to(lesson_file)
            reports.append(grade(session, questions, lesson_file))
    finally:
        if session is not None:
            session.close()
    return Report(settings, tuple(reports))
