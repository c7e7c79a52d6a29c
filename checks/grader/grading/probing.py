"""What a wrong answer's numbers show where no mistake explains them. Claims no cause.

An answer is asked for again with one argument changed; what stays the same, or should have, is
said. Pure but for the asking, which is the judge's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.compare import right_quantities
from checks.grader.grading.evidence import Evidence
from checks.grader.language.inputs import Case
from checks.grader.language.lesson import Exercise
from checks.grader.language.truth import Truth
from checks.grader.records.answer import aligned, parts, tensor_of
from checks.grader.records.observation import Observation
from checks.grader.records.tolerances import NEARLY, NOTHING, RTOL
from checks.grader.records.verdict import Settings

#: An argument moves by a quarter and a little, so that none stays as it was.
STRETCH, SHIFT = 1.25, 0.125


def nudged(case: Case) -> list[Case]:
    """The case with one argument changed, once for each that is a number or holds numbers."""
    return [
        Case(name, {**case.inputs, name: _moved(value)})
        for name, value in case.inputs.items()
        if isinstance(value, (Tensor, float))
    ]


def _moved(value: Any) -> Any:
    return value * STRETCH if isinstance(value, float) else value * STRETCH + SHIFT


def dependence(
    exercise: Exercise,
    first: Evidence,
    others: Sequence[tuple[str, Truth, Observation]],
    settings: Settings,
) -> str:
    """ "Your ∂loss/∂w does not change with y; the right one does." Empty where all do or do not.

    others  per argument that was changed: its name, what is right then, what was seen
    """
    rights = right_quantities(exercise, first.truth.by_hand, first.seen.value, settings)
    for i, (quantity, right) in enumerate(zip(exercise.quantities, rights, strict=True)):
        if right or _is_zero(_part(first.truth.by_hand, first.seen.value, i)):
            continue
        still: list[str] = []
        for name, truth, seen in others:
            if seen.outcome != "value":
                return ""
            mine = _same(
                _part(first.truth.by_hand, first.seen.value, i), _part(truth.by_hand, seen.value, i)
            )
            if mine and not _same(parts(first.truth.by_hand)[i], parts(truth.by_hand)[i]):
                still.append(name)
        if still:
            verb, they = ("do", "they") if quantity == "losses" else ("does", "it")
            return f"Your {quantity} {verb} not change when {_or(still)} does, and {they} should."
    return ""


def tells(item: Evidence) -> bool:
    """Whether no value of an answer is zero: what is zero may stay so for a reason of its own."""
    return not any(map(_is_zero, aligned(item.truth.by_hand, item.seen.value)))


def _part(expected: Any, value: Any, index: int) -> Any:
    found = aligned(expected, value)
    return found[index] if index < len(found) else None


def _same(one: Any, other: Any) -> bool:
    left, right = (v if isinstance(v, Tensor) else tensor_of(v) for v in (one, other))
    return left is not None and right is not None and torch.equal(left, right)


def _is_zero(value: Any) -> bool:
    found = tensor_of(value)
    return found is not None and not bool(found.any())


def _or(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " or " + names[-1]


def nearly_right(exercise: Exercise, evidence: Sequence[Evidence], settings: Settings) -> str:
    """How far off an answer is that agrees in its first digits; empty for others."""
    worst = 0.0
    for item in evidence:
        for wanted, got in zip(
            parts(item.truth.by_hand),
            aligned(item.truth.by_hand, item.seen.value),
            strict=False,
        ):
            values = tensor_of(got)
            if not isinstance(wanted, Tensor) or values is None or values.shape != wanted.shape:
                return ""
            scale = wanted.abs().max().item() if wanted.numel() else 0.0
            if scale:
                worst = max(worst, (values - wanted).abs().max().item() / scale)
    if not RTOL[settings.dtype] < worst < NEARLY:
        return ""
    percent = f"{100 * worst:.1g}" if worst > NOTHING else "0.0001"
    return (
        f"Nearly right: nowhere off by more than {percent} % of the largest entry. Is a number "
        "rounded or typed with few digits, or a difference taken where a slope is asked for?"
    )
