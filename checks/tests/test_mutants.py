"""The tool that tests the checks: it makes the slips it should, and sees what a check misses."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from dataclasses import replace

import pytest

from checks.grader.grading.questions import questions_of, restricted
from checks.grader.records.course import stems
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.tests import mutants as tool
from checks.tests.mutants import mutants, read_reasons, survivors, without_diagnosis

with_one_server = pytest.mark.usefixtures("one_server")

STEM = stems()[0]


@pytest.fixture
def one_server(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The tool asks the server of all tests: one of its own costs a second each time."""
    monkeypatch.setattr(tool, "Server", lambda *_: nullcontext(server))


@pytest.mark.parametrize(
    ("exercise", "change"),
    [
        ("forward", "return x * w → return x / w"),
        ("forward", "return x * w → return x"),
        ("forward", "return x * w → return"),
        ("loss", "return (forward(x, w) - y) ** 2 → return (forward(x, w) - y) ** 3"),
        ("loss", "return (forward(x, w) - y) ** 2 → return (y - forward(x, w)) ** 2"),
        ("grad_by_hand", "r = forward(x, w) - y → r = forward(w, x) - y"),
        ("grad_by_hand", "r = forward(x, w) - y → r = forward(x, y) - y"),
        ("train", "for _ in range(epochs): → for _ in range(epochs + 1):"),
        ("train", "losses.append(before) → (dropped)"),
        ("train", "(nothing) → break"),
    ],
)
def test_slips_of_every_kind_are_made(exercise: str, change: str) -> None:
    assert change in {mutant.change for mutant in mutants(STEM, exercise)}


@pytest.mark.parametrize("stem", stems())
def test_no_mutant_is_made_twice(stem: str) -> None:
    for exercise in questions_of(stem, Settings()).all:
        made = list(mutants(stem, exercise.exercise.name))
        assert len({mutant.change for mutant in made}) == len(made)
        assert len({mutant.code for mutant in made}) == len(made)


@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10 writes tuples otherwise")
def test_every_reason_is_for_a_mutant_that_is_made() -> None:
    reasons = read_reasons()
    assert all(reasons.values())
    for stem, exercise in {key[:2] for key in reasons}:
        made = {mutant.change for mutant in mutants(stem, exercise)}
        named = {key[2] for key in reasons if key[:2] == (stem, exercise)}
        assert named - made == set(), (stem, exercise)


def test_a_check_that_is_blind_lets_mutants_live(server: Server) -> None:
    questions = restricted(without_diagnosis(questions_of(STEM, Settings())), "forward")
    (question,) = questions.all
    two = question.cases[0].inputs["x"]
    blind = replace(question.cases[0], inputs={"x": two, "w": two}, expected=None)  # 2·2 = 2² = 2+2
    narrow = replace(questions, all=(replace(question, cases=(blind,)),))
    made = list(mutants(STEM, "forward"))
    assert float(two) == 2.0
    missed = {mutant.change for mutant in survivors(server, [narrow], made)}
    assert missed == {
        "return x * w → return x + w",
        "return x * w → return x * x",
        "return x * w → return w * w",
    }
    assert list(survivors(server, [questions], made)) == []


@with_one_server
def test_a_survivor_without_a_reason_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tool, "read_reasons", dict)
    assert tool.main([STEM, "--exercise", "loss"]) == 1
    assert "no reason:   loss: return (forward(x, w) - y) ** 2 →" in capsys.readouterr().out


@with_one_server
def test_a_reason_without_a_survivor_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    reason = (STEM, "forward", "return x * w → return x / w")
    monkeypatch.setattr(tool, "read_reasons", lambda: {reason: "Once upon a time."})
    assert tool.main([STEM, "--exercise", "forward"]) == 1
    assert f"no survivor: forward: {reason[2]}" in capsys.readouterr().out


@with_one_server
def test_what_lives_on_in_an_exercise_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tool.main([STEM, "--exercise", "grad_by_hand"]) == 0
