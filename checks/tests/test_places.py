"""Where no mistake is declared, the slip of the lesson's graph that gives the same numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.grading import places
from checks.grader.grading.evidence import Evidence
from checks.grader.grading.judge import judge
from checks.grader.grading.places import Told, slip_in_the_graph
from checks.grader.grading.questions import Question, questions_of
from checks.grader.language import slips
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import float64s
from checks.grader.records.observation import Array, Observation
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.submissions import as_submission, patched

SETTINGS = Settings()
STEMS = (
    *("lesson1_linear", "lesson2_bias", "lesson3_quadratic", "lesson4_sigmoid_net"),
    *("lesson5_linear_regression", "lesson7_two_layer"),
)


@cache
def question(stem: str, exercise: str = "grad_by_hand") -> Question:
    return next(q for q in questions_of(stem, SETTINGS).all if q.exercise.name == exercise)


def seen(stem: str, answer: Callable[..., Any]) -> list[Evidence]:
    """The answers of a formula in the precision of a student's."""
    return [
        Evidence(truth, Observation("value", _travelled(answer(**truth.inputs))))
        for truth in question(stem).truths
    ]


def _travelled(answer: Any) -> Any:
    arrays = tuple(Array(v.float().double(), "float32", "cpu") for v in float64s(answer))
    return arrays if isinstance(answer, tuple) else arrays[0]


def told_of(stem: str, answer: Callable[..., Any]) -> Told | None:
    return slip_in_the_graph(question(stem).exercise, seen(stem, answer), SETTINGS)


def slipped(stem: str, *made: slips.Slip) -> Callable[..., Any]:
    net = question(stem).exercise.net
    assert net is not None
    return net.gradient(*made)


#: lesson, slips, the id, what the words say
MADE: Sequence[tuple[str, slips.Slip, str, str]] = (
    ("lesson1_linear", slips.read_as("x", "y"), "read_as", "at ŷ = x·w, y is used in place of x"),
    (
        "lesson2_bias",
        slips.multiplied("b", "b"),
        "factor",
        "at b, the gradient has a factor b too many",
    ),
    ("lesson3_quadratic", slips.multiplied("b", 0.0), "cut", "at b, no gradient is passed back"),
    (
        "lesson4_sigmoid_net",
        slips.multiplied("p6", -1.0)._replace(grad=None, back=lambda g, h, at: -h, to=("h1",)),
        "negated",
        "at p6 = w6·h1, the gradient passed back to h1 has the wrong sign",
    ),
    (
        "lesson5_linear_regression",
        slips.computed_as("r", lambda at: at.y_hat + at.y),
        "sign_lost",
        "at r = ŷ − y, ŷ + y is computed",
    ),
    (
        "lesson7_two_layer",
        slips.slope("h", by=lambda at: (at.h * (1 - at.h)) ** 2),
        "slope_twice",
        "at h = σ(z), its slope h·(1 − h) is multiplied in twice",
    ),
)


@pytest.mark.parametrize(("stem", "slip", "id", "words"), MADE)
def test_a_slip_is_told_with_its_node(stem: str, slip: slips.Slip, id: str, words: str) -> None:
    told = told_of(stem, slipped(stem, slip))
    assert told is not None
    assert told.ids == (id,)
    assert told.words.startswith(f"The same numbers come out if {words}"), told.words


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_is_told_of_a_right_answer(stem: str) -> None:
    assert told_of(stem, question(stem).exercise.truth) is None


@pytest.mark.parametrize("stem", STEMS)
def test_nothing_is_told_of_noise(stem: str) -> None:
    dice = torch.Generator().manual_seed(3)

    def noise(**inputs: Any) -> Any:
        right = question(stem).exercise.truth(**inputs)
        drawn = tuple(_noise(value, dice) for value in float64s(right))
        return drawn if isinstance(right, tuple) else drawn[0]

    assert all(told_of(stem, noise) is None for _ in range(10))


def _noise(like: Tensor, dice: torch.Generator) -> Tensor:
    return torch.randn(like.shape, generator=dice, dtype=torch.float64)


def test_a_slip_that_does_not_fit_every_case_is_not_told() -> None:
    stem, slip = MADE[3][:2]
    wrong = seen(stem, slipped(stem, slip))
    right = seen(stem, question(stem).exercise.truth)
    for k in range(len(wrong)):
        mixed = [*wrong[:k], right[k], *wrong[k + 1 :]]
        assert slip_in_the_graph(question(stem).exercise, mixed, SETTINGS) is None


def test_one_case_is_not_enough() -> None:
    stem, slip = MADE[3][:2]
    alone = seen(stem, slipped(stem, slip))[:1]
    assert slip_in_the_graph(question(stem).exercise, alone, SETTINGS) is None


def test_of_several_slips_that_give_the_same_numbers_all_are_told_and_none_is_named() -> None:
    told = told_of("lesson1_linear", lambda x, y, w: 2 * (x * w - y) * x**2)
    assert told is not None
    assert told.ids == ()
    assert "its slope x is multiplied in twice" in told.words
    assert "Or if at w, the gradient has a factor x too many." in told.words


def test_of_zeros_nothing_more_is_told() -> None:
    assert told_of("lesson2_bias", lambda x, y, w, b: (0 * w, 0 * b)) is None


def test_the_order_of_the_cases_does_not_matter() -> None:
    stem, slip = MADE[3][:2]
    evidence, exercise = seen(stem, slipped(stem, slip)), question(stem).exercise
    forth, back = (slip_in_the_graph(exercise, e, SETTINGS) for e in (evidence, evidence[::-1]))
    assert forth == back


def test_another_answer_to_the_same_questions_costs_no_other_search() -> None:
    stem, slip = MADE[3][:2]
    told_of(stem, slipped(stem, slip))
    before = places._inquiry.cache_info()
    told_of(stem, slipped(stem, slips.slope("o1", by="h1")))
    after = places._inquiry.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)


def test_autograd_makes_no_slip_on_the_way_back() -> None:
    every: list[Exercise] = [q.exercise for s in STEMS for q in questions_of(s, SETTINGS).all]
    assert {e.method for e in every if e.net is not None} == {"by_hand"}


def test_what_an_answer_does_not_depend_on_is_seen_where_the_answer_is_not_zero(
    server: Server,
) -> None:
    stem, exercise = "lesson5_linear_regression", "grad_by_autograd"
    code = (
        "def grad_by_autograd(model, x, y):\n"
        "    loss = 1.5 * (model(x) ** 2).mean()\n"  # zero at the worked example's model
        "    return torch.autograd.grad(loss, (model.linear.weight, model.linear.bias))\n"
    )
    submission = as_submission(stem, patched(stem, exercise, code))
    with single_session(server, submission, SETTINGS) as session:
        assert session is not None
        verdict = judge(session, question(stem, exercise), submission)
    assert "does not change when y does, and it should" in verdict.message


STEP = """def train(xs, ys, w, b, lr, epochs):
    losses = []
    for k in range(epochs):
        for x, y in zip(xs, ys):
            r = w * x + b - y
            w, b = w - lr * 2 * r * x, b - lr * 2 * r * FACTOR
        losses.append(r**2)
    return w, b, torch.stack(losses)
"""


@pytest.mark.parametrize(
    ("factor", "id", "words"),
    [
        (
            "b",
            "factor",
            "In every step: the same numbers come out if at b, the gradient has",
        ),
        ("0.37", None, "Per sample:"),
        ("(1 + k * w)", None, "the second epoch"),
    ],
)
def test_a_slip_in_every_step_of_a_training_is_told(
    server: Server, factor: str, id: str | None, words: str
) -> None:
    code = STEP.replace("FACTOR", factor)
    submission = as_submission("lesson2_bias", patched("lesson2_bias", "train", code))
    with single_session(server, submission, SETTINGS) as session:
        assert session is not None
        verdict = judge(session, question("lesson2_bias", "train"), submission)
    assert (verdict.misconception, words in verdict.message) == (id, True), verdict.message
