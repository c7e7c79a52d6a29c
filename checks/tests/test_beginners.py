"""Each beginner's error is told in words that, when they are followed, lead out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from checks.grader.grading.grade import grade
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.grading.reading import reading, text_of
from checks.grader.grading.remarks import unstarted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings, Verdict
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.beginners import Stage, Walk, checked, walks, walks_of
from checks.tests.submissions import as_submission, patched, solution, verdict_of

WALKS = walks()
AS_ALWAYS = Settings()
#: What no student should read: broken English, names of the machine, a question without its answer.
NEVER = (
    "no leaf",
    "yours is 2 values",
    "<locals>",
    "Traceback",
    "None is",
    "Your code raised None",
)


def verdict_on(walk: Walk, stage: Stage, server: Server, settings: Settings = AS_ALWAYS) -> Verdict:
    """The verdict on one stage of a walk."""
    questions = questions_of(walk.stem, settings)
    source = patched(walk.stem, walk.exercise, stage.code)
    if stage.scope == "part":
        questions = restricted(questions, walk.exercise)
    elif stage.scope == "whole":
        source = f"{solution(walk.stem)}\n\n{stage.code}"
    else:
        source = stage.code
    submission = as_submission(walk.stem, source)
    with single_session(server, submission, settings) as session:
        return verdict_of(grade(session, questions, submission), walk.exercise)


@pytest.mark.parametrize("walk", WALKS, ids=str)
def test_the_words_lead_out_of_it(walk: Walk, server: Server) -> None:
    *wrong, last = walk.stages
    final = verdict_on(walk, last, server)
    assert final.status == "passed", final
    for stage in wrong:
        verdict = verdict_on(walk, stage, server)
        assert verdict.status != "passed", stage.code
        assert stage.status in ("", verdict.status), verdict
        for phrase in stage.says:
            assert phrase in verdict.message, verdict.message
        for phrase in (*stage.never, *NEVER):
            assert phrase not in verdict.message, verdict.message


def test_the_table_shows_a_case_in_which_the_fault_can_be_seen(server: Server) -> None:
    code = (
        "def grad_by_hand(x, y, w1, w2, b):\n"
        "    g = 2 * (forward(x, w1, w2, b) - y)\n"
        "    return g * 2 * w1 * x, g * w2, g\n"
    )
    stage = Stage(code, "", (), (), "part")  # at x = 2, w2 = 2 the second is right by chance
    walk = Walk("lesson3_quadratic", "grad_by_hand", "differentiated by x", (stage,))
    rows = {row.quantity: row for row in verdict_on(walk, stage, server).comparison}
    assert rows["∂loss/∂w1"].yours != rows["∂loss/∂w1"].by_hand
    assert rows["∂loss/∂w2"].yours != rows["∂loss/∂w2"].by_hand


def test_losses_of_plain_numbers_are_right_in_float32_and_told_their_dtype_in_float64(
    server: Server,
) -> None:
    code = (
        "def train(xs, ys, w, lr, epochs):\n"
        "    losses = []\n"
        "    for _ in range(epochs):\n"
        "        for x, y in zip(xs, ys):\n"
        "            before = loss(x, y, w)\n"
        "            w = w - lr * grad_by_hand(x, y, w)\n"
        "        losses.append(before.item())\n"
        "    return w, torch.tensor(losses{})\n"
    )
    in_float64 = Settings(dtype="float64")
    plain, mended = (Stage(code.format(d), "", (), (), "part") for d in ("", ", dtype=xs.dtype"))
    walk = Walk("lesson1_linear", "train", "plain numbers", (plain, mended))
    assert verdict_on(walk, plain, server).status == "passed"
    told = verdict_on(walk, plain, server, in_float64)
    assert "A new tensor needs `dtype=xs.dtype`" in told.message
    assert verdict_on(walk, mended, server, in_float64).status == "passed"


@pytest.mark.parametrize(
    "line",
    ["x" + ".a" * 1500, " + ".join(["x"] * 600), "0x" + "f" * 9000],
    ids=["1500 attributes", "600 terms", "9000 digits"],
)
def test_text_that_nobody_writes_is_not_read(line: str) -> None:
    source = f"def f(x):\n    y = {line}\n    y == {line}\n"
    found = reading(source, "f")
    assert found is None or text_of(found.nodes[-1])
    assert unstarted(source, "f") is None


SAID, SILENT, PASSES = (
    Stage("", "", ("Add `return`.",), (), "part"),
    Stage("", "", (), (), "part"),
    Stage("", "passed", (), (), "part"),
)


@pytest.mark.parametrize(
    "stages",
    [(SILENT,), (SILENT, SILENT), (SAID, SILENT, SILENT), (SAID, SAID)],
    ids=["nothing at all", "a silent error", "a silent error on the way", "no end"],
)
def test_a_walk_that_asserts_nothing_is_refused(stages: tuple[Stage, ...]) -> None:
    assert checked(Walk("", "", "", (SAID, SILENT))) and checked(Walk("", "", "", (PASSES,)))
    with pytest.raises(ValueError, match="stage"):
        checked(Walk("", "", "", stages))


@pytest.mark.parametrize("line", ["", "nan ; ", " ; ", "half | "])
def test_a_phrase_that_is_always_there_is_refused(line: str, tmp_path: Path) -> None:
    path = tmp_path / "lesson1_linear.txt"
    path.write_text(f"=== forward | w + x\nsays: {line}\ndef forward(x, w): ...\n", "utf-8")
    with pytest.raises(ValueError, match="phrase"):
        walks_of(path)


def test_the_bank_is_large_and_covers_the_course() -> None:
    assert len(WALKS) >= 120
    assert {walk.stem for walk in WALKS} >= set(stems()[:7])
