"""The checker against the bank: wrong work is caught and named, right work is never blamed."""

from __future__ import annotations

import pytest

from checks.grader.grading.judge import judge
from checks.grader.grading.questions import Question, questions_of, restricted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.submissions import Patch, as_submission, bank, grade_text, patched, verdict_of

PATCHES = [patch for stem in stems() for patch in bank(stem)]
WRONG = [patch for patch in PATCHES if patch.status != "passed"]
EVERY_SETTING = [
    *(Settings(dtype="float32", seed=seed) for seed in range(20)),
    *(Settings(dtype="float64", seed=seed) for seed in range(20)),
]
RIGHT = [patch for patch in PATCHES if patch.status == "passed"]


def sheet_of(patch: Patch, settings: Settings | None = None) -> Question:
    """The exercise of a patch, ready to be asked."""
    return restricted(questions_of(patch.stem, settings or Settings()), patch.exercise).all[0]


@pytest.mark.parametrize("patch", WRONG, ids=str)
def test_a_wrong_submission_is_caught_and_its_mistake_named(patch: Patch, server: Server) -> None:
    report = grade_text(server, patch.stem, patched(patch.stem, patch.exercise, patch.code))
    verdict = verdict_of(report, patch.exercise)
    assert verdict.status == patch.status, verdict
    assert verdict.misconception == (patch.ids[0] if patch.ids else None), verdict
    for name in patch.ids[1:]:  # the second of two mistakes at once
        mistakes = sheet_of(patch).exercise.mistakes
        assert any(m.says in verdict.message for m in mistakes if m.id == name), verdict.message
    assert verdict.message
    others = {v.exercise: v.status for v in report.verdicts if v.exercise != patch.exercise}
    assert set(others.values()) == {"passed"}, others


@pytest.mark.parametrize("patch", RIGHT, ids=str)
def test_a_right_submission_passes_with_every_seed_in_both_dtypes(
    patch: Patch, server: Server
) -> None:
    submission = as_submission(patch.stem, patched(patch.stem, patch.exercise, patch.code))
    with single_session(server, submission, Settings()) as session:
        assert session is not None
        for settings in EVERY_SETTING:
            verdict = judge(session, sheet_of(patch, settings), submission)
            assert verdict.status == "passed", (settings, verdict)
