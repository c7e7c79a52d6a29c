"""Each beginner's error is told in words that, when they are followed, lead out of it."""

from __future__ import annotations

import pytest

from checks.grader.grading.grade import grade
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings, Verdict
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.beginners import Stage, Walk, walks
from checks.tests.submissions import as_submission, patched, solution, verdict_of

WALKS = walks()
#: What no student should read: broken English, names of the machine, a question without its answer.
NEVER = (
    "no leaf",
    "yours is 2 values",
    "<locals>",
    "Traceback",
    "None is",
    "Your code raised None",
)


def verdict_on(walk: Walk, stage: Stage, server: Server) -> Verdict:
    """The verdict on one stage of a walk."""
    questions = questions_of(walk.stem, Settings())
    source = patched(walk.stem, walk.exercise, stage.code)
    if stage.scope == "part":
        questions = restricted(questions, walk.exercise)
    elif stage.scope == "whole":
        source = f"{solution(walk.stem)}\n\n{stage.code}"
    else:
        source = stage.code
    submission = as_submission(walk.stem, source)
    with single_session(server, submission, Settings()) as session:
        return verdict_of(grade(session, questions, submission), walk.exercise)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_the_words_lead_out_of_it(walk: Walk, server: Server) -> None:
    *wrong, last = walk.stages
    if last.status == "passed" or wrong:
        final = verdict_on(walk, last, server)
        assert final.status == "passed", final
    for stage in wrong:
        verdict = verdict_on(walk, stage, server)
        assert verdict.status != "passed", stage.code
        assert stage.status in ("", verdict.status), verdict
        for either in stage.says:
            assert any(phrase in verdict.message for phrase in either), verdict.message
        for phrase in (*stage.never, *NEVER):
            assert phrase not in verdict.message, verdict.message


def test_the_bank_is_large_and_covers_the_course() -> None:
    assert len(WALKS) >= 120
    assert {walk.stem for walk in WALKS} >= set(stems()[:7])
