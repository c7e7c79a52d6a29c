"""The checker against the bank: wrong work is caught and named, right work is never blamed."""

from __future__ import annotations

from functools import cache

import pytest

from checks.grader.grading.grade import grade
from checks.grader.grading.judge import judge
from checks.grader.grading.questions import Question, Questions, restricted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.seeds import both_dtypes, few_or_all_seeds
from checks.tests.submissions import (
    Patch,
    as_submission,
    bank,
    grade_text,
    of_seed,
    patched,
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


@pytest.mark.parametrize("patch", WRONG, ids=str)
def test_a_wrong_submission_is_caught_and_its_mistake_named(patch: Patch, server: Server) -> None:
    submission = as_submission(patch.stem, patched(patch.stem, patch.exercise, patch.code))
    with single_session(server, submission, Settings()) as session:
        (verdict,) = grade(session, _one(patch.stem, patch.exercise), submission).verdicts
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
    patch: Patch, seeds: range, server: Server
) -> None:
    submission = as_submission(patch.stem, patched(patch.stem, patch.exercise, patch.code))
    with single_session(server, submission, Settings()) as session:
        assert session is not None
        for settings in both_dtypes(seeds):
            verdict = judge(session, question_of(patch, settings), submission)
            assert verdict.status == "passed", (settings, verdict)
