"""The checker against the bank: wrong work is caught and named, right work is never blamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from checks.grader.grading.grade import grade
from checks.grader.grading.judge import judge
from checks.grader.grading.questions import Question, Questions, restricted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings
from checks.grader.running.intake import LessonFile
from checks.grader.running.server import Server
from checks.grader.running.session import Allowance, ProcessSession, single_session
from checks.tests.seeds import both_dtypes, few_or_all_seeds
from checks.tests.submissions import (
    Patch,
    as_submission,
    bank,
    grade_text,
    of_seed,
    patched,
    solution,
)

PATCHES = [patch for stem in stems() for patch in bank(stem)]
WRONG = [patch for patch in PATCHES if patch.status != "passed"]
RIGHT = [patch for patch in PATCHES if patch.status == "passed"]


@cache
def _one(stem: str, exercise: str, settings: Settings | None = None) -> Questions:
    return restricted(of_seed(stem, settings or Settings()), exercise)


def question_of(patch: Patch, settings: Settings | None = None) -> Question:
    """The exercise of a patch, ready to be asked."""
    return _one(patch.stem, patch.exercise, settings).all[0]


@pytest.fixture(scope="module")
def turned_to(server: Server) -> Iterator[Callable[[LessonFile], ProcessSession]]:
    """The session of a lesson file: one process for all files of a lesson, as for all of a student
    in a class. It costs a fifth of a process for each, and the marker `slow` has those."""
    allowance = Allowance()
    with ExitStack() as stack:

        @cache
        def of_lesson(stem: str) -> ProcessSession:
            stack.close()
            of_lesson.cache_clear()
            first = as_submission(stem, solution(stem))
            begun = single_session(server, first, Settings(), allowance=allowance)
            session = stack.enter_context(begun)
            assert session is not None and session.imported().outcome == "value"
            return session

        def turned(submission: LessonFile) -> ProcessSession:
            session = of_lesson(submission.stem)
            session.turn_to(submission)
            allowance.waited = 0.0  # each is somebody else's
            return session

        yield turned


@pytest.mark.parametrize("patch", WRONG, ids=str)
def test_a_wrong_submission_is_caught_and_its_mistake_named(
    patch: Patch, turned_to: Callable[[LessonFile], ProcessSession]
) -> None:
    submission = as_submission(patch.stem, patched(patch.stem, patch.exercise, patch.code))
    questions = _one(patch.stem, patch.exercise)
    (verdict,) = grade(turned_to(submission), questions, submission).verdicts
    assert verdict.status == patch.status, verdict
    assert verdict.misconception == (patch.ids[0] if patch.ids else None), verdict
    for name in patch.ids[1:]:  # the second of two mistakes at once
        mistakes = question_of(patch).exercise.mistakes
        assert any(m.says in verdict.message for m in mistakes if m.id == name), verdict.message
    assert verdict.message


@pytest.mark.slow
@pytest.mark.parametrize("patch", WRONG, ids=str)
def test_a_wrong_exercise_costs_no_other_one(patch: Patch, server: Server) -> None:
    report = grade_text(server, patch.stem, patched(patch.stem, patch.exercise, patch.code))
    failed = {v.exercise for v in report.verdicts if v.status != "passed"}
    assert failed == {patch.exercise}


@few_or_all_seeds(20)
@pytest.mark.parametrize("patch", RIGHT, ids=str)
def test_a_right_submission_passes_with_every_seed_in_both_dtypes(
    patch: Patch, seeds: range, turned_to: Callable[[LessonFile], ProcessSession]
) -> None:
    submission = as_submission(patch.stem, patched(patch.stem, patch.exercise, patch.code))
    session = turned_to(submission)
    for settings in both_dtypes(seeds):
        verdict = judge(session, question_of(patch, settings), submission)
        assert verdict.status == "passed", (settings, verdict)
