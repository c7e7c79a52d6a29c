"""The right answer, from witnesses that do not know of each other.

For every gradient: the closed form written by hand in the check file, torch.autograd on the
check's own model, and central differences, all in float64 on the CPU; worked examples of data/ are
a fourth.
Nothing here reads solutions/.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from checks.grader.language.inputs import Case, resolve, rounded
from checks.grader.language.lesson import Exercise, Witness
from checks.grader.records.answer import Answer, agree, float64s
from checks.grader.records.tolerances import DIFFERENCE_STEP, LITERAL_RTOL, WITNESS_RTOL


@dataclass(frozen=True)
class Truth:
    """What is right for one case, and whether the witnesses agree on it.

    inputs    as the student's dtype holds them, in float64, sources resolved to functions
    autograd  the answer of torch.autograd where there is one
    dispute   the sentence of a course error, None when all witnesses agree
    """

    inputs: Mapping[str, Any]
    by_hand: Answer
    autograd: Answer | None
    dispute: str | None


def establish(exercise: Exercise, case: Case, dtype: torch.dtype) -> Truth:
    """Hear every witness on one case."""
    inputs = {name: resolve(value) for name, value in rounded(case.inputs, dtype).items()}
    by_hand = exercise.truth(**inputs)
    answers = {witness.name: witness.evaluate(**inputs) for witness in exercise.witnesses}
    disputes = [
        f"by hand {_short(by_hand)}, {name} {_short(answer)}"
        for name, answer in answers.items()
        if not agree(by_hand, answer, rtol=WITNESS_RTOL)
    ]
    if case.expected is not None and not agree(by_hand, case.expected, rtol=LITERAL_RTOL):
        disputes.append(f"by hand {_short(by_hand)}, data/ {case.expected}")
    return Truth(inputs, by_hand, answers.get("autograd"), "; ".join(disputes) or None)


def gradient_of(loss: Callable[..., Tensor], *wrt: str) -> tuple[Witness, Witness]:
    """Two witnesses for ∂loss/∂wrt: torch.autograd and central differences.

    loss  a scalar function of the exercise's inputs by keyword; a name of `wrt` that is no input
          is a scalar nudge at 0 (the gradient of an intermediate node)
    """

    def by_autograd(**inputs: Any) -> Answer:
        leaves = {name: _leaf(inputs.get(name)) for name in wrt}
        value = loss(**(inputs | leaves))
        return _one_or_all(torch.autograd.grad(value, list(leaves.values())))

    def by_differences(**inputs: Any) -> Answer:
        return _one_or_all([_differences(loss, inputs, name) for name in wrt])

    return witnesses(by_autograd, by_differences)


def jacobian_of(function: Callable[..., Tensor], wrt: str) -> tuple[Witness, Witness]:
    """Two witnesses for the Jacobian of a vector: the gradient of each component is a row."""

    def rows_by(row_of: Witness) -> Callable[..., Answer]:
        return lambda **inputs: torch.stack(
            [row_of.evaluate(**inputs, row=row) for row in range(len(function(**inputs)))]
        )

    by_autograd, by_differences = gradient_of(lambda row, **at: function(**at)[row], wrt)
    return witnesses(rows_by(by_autograd), rows_by(by_differences))


def witnesses(
    autograd: Callable[..., Answer], differences: Callable[..., Answer]
) -> tuple[Witness, Witness]:
    """The same two where a lesson has ways of its own to them."""
    return Witness("autograd", autograd), Witness("differences", differences)


def number(value: float) -> Tensor:
    """A scalar in the precision of the truth."""
    return torch.tensor(value, dtype=torch.float64)


def _leaf(value: Any) -> Tensor:
    start = torch.zeros((), dtype=torch.float64) if value is None else value
    return start.detach().clone().requires_grad_()


def _one_or_all(grads: Sequence[Tensor]) -> Answer:
    return grads[0] if len(grads) == 1 else tuple(grads)


def _differences(loss: Callable[..., Tensor], inputs: Mapping[str, Any], name: str) -> Tensor:
    """(L(v + h) − L(v − h)) / 2h for every component v of one input."""
    start = inputs.get(name)
    value = torch.zeros((), dtype=torch.float64) if start is None else start.detach().clone()
    slopes = torch.zeros_like(value)
    flat, out = value.reshape(-1), slopes.reshape(-1)
    for i, centre in enumerate(flat.tolist()):
        step = DIFFERENCE_STEP * max(1.0, abs(centre))
        ends = []
        for side in (step, -step):
            moved = flat.clone()
            moved[i] = centre + side
            ends.append(loss(**{**inputs, name: moved.reshape(value.shape)}))
        out[i] = (ends[0] - ends[1]) / (2 * step)
    return slopes


def _short(answer: Answer) -> str:
    values = [value.tolist() for value in float64s(answer)]
    return str(values[0] if len(values) == 1 else values)[:120]
