"""Lesson 4: which node of the backward pass a returned gradient is first wrong at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from torch import Tensor

from checks.grader.language.inputs import cases
from checks.grader.language.lesson import load
from checks.grader.language.slips import Slip, scaled, slope_left_out
from checks.grader.records.answer import close
from checks.lesson4_sigmoid_net import WEIGHTS, gradient, implied, nodes

Inputs = Mapping[str, Any]

STEM = "lesson4_sigmoid_net"
LESSON = load(STEM)
GRAD_BY_HAND = next(e for e in LESSON.exercises if e.name == "grad_by_hand")
INPUTS = [case.inputs for case in cases(STEM, LESSON, GRAD_BY_HAND, seed=0)]


def wrong_nodes(answer: Tensor, inputs: Inputs) -> list[str]:
    found = implied(answer, **inputs).items()
    wrong = [name for name, (yours, right) in found if not close(yours, right, rtol=1e-6)]
    return [name.partition(" (")[0] for name in wrong]  # without what it comes from


def slipped(inputs: Inputs, slip: Slip) -> Tensor:
    answer: Tensor = nodes.gradient(slip)(**inputs)
    return answer


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_right_gradient_has_no_wrong_node(inputs: Inputs) -> None:
    assert wrong_nodes(gradient(**inputs), inputs) == []


@pytest.mark.parametrize("inputs", INPUTS)
def test_what_follows_from_a_wrong_output_is_right_given_its_value(
    inputs: Inputs,
) -> None:
    answer = slipped(inputs, scaled(3.0, "r2"))
    assert wrong_nodes(answer, inputs) == ["∂loss/∂z4"]


@pytest.mark.parametrize("inputs", INPUTS)
def test_a_wrong_hidden_slope_shows_at_both_hidden_sums(inputs: Inputs) -> None:
    answer = slipped(inputs, slope_left_out("h1", "h2"))
    assert wrong_nodes(answer, inputs) == ["∂loss/∂z1", "∂loss/∂z2"]


@pytest.mark.parametrize("inputs", INPUTS)
@pytest.mark.parametrize("index", range(8))
def test_one_wrong_weight_is_named_itself(inputs: Inputs, index: int) -> None:
    answer = gradient(**inputs)
    answer[index] *= 1.3
    assert wrong_nodes(answer, inputs) == [f"∂loss/∂w{index + 1}"]


@pytest.mark.parametrize("inputs", INPUTS)
def test_weights_that_contradict_each_other_blame_no_sum(inputs: Inputs) -> None:
    answer = slipped(inputs, slope_left_out("p5", "p6", "p7", "p8", to=WEIGHTS))
    assert wrong_nodes(answer, inputs)[0] == "∂loss/∂w5"
    assert not any("z" in name for name in wrong_nodes(answer, inputs))
