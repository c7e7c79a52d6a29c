"""What a verdict shows of a case: its inputs, and a row for each component of the answer."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.compare import describe
from checks.grader.language.inputs import Case
from checks.grader.language.lesson import Built, Exercise, Source
from checks.grader.language.truth import Truth
from checks.grader.records.answer import aligned, parts, tensor_of
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import Row

MAX_ROWS = 64


def rows(exercise: Exercise, truth: Truth, seen: Observation) -> tuple[Row, ...]:
    """The table of a wrong answer, one row per component."""
    rows: list[Row] = []
    hands = parts(truth.by_hand)
    yours = aligned(truth.by_hand, seen.value)
    autograds = parts(truth.autograd) if truth.autograd is not None else (None,) * len(hands)
    for quantity, hand, mine, auto in zip(
        exercise.quantities, hands, yours, autograds, strict=True
    ):
        names = _components(quantity, hand, exercise.labels.get(quantity))
        for i, name in enumerate(names):
            rows.append(Row(name, _entry(mine, i), _entry(auto, i), _entry(hand, i)))
    return tuple(rows[:MAX_ROWS])


def _components(quantity: str, value: Any, labels: tuple[str, ...] | None) -> list[str]:
    """Names for the entries of a value: its labels, or the quantity with indices."""
    if not isinstance(value, Tensor) or value.ndim == 0:
        return [quantity]
    if labels:
        return list(labels)
    indices = torch.cartesian_prod(*(torch.arange(size) for size in value.shape)).reshape(
        -1, value.ndim
    )
    return [f"{quantity}[{', '.join(map(str, index))}]" for index in indices.tolist()]


def _entry(value: Any, index: int) -> Any:
    if value is None:
        return None
    if isinstance(value, (bool, int)):
        return value
    values = value if isinstance(value, Tensor) else tensor_of(value)
    if values is None:
        return describe(value)
    flat = values.reshape(-1)
    return _short(flat[index].item()) if index < flat.numel() else None


def _short(number: float) -> float:
    """Seven digits: what float32 can tell, and what a table can show."""
    return float(f"{number:.7g}")


def inputs_shown(case: Case) -> dict[str, Any]:
    return {name: _readable(value) for name, value in case.inputs.items()}


def _readable(value: Any) -> Any:
    if isinstance(value, Tensor):
        return value.tolist()
    if isinstance(value, Source):
        return str(value)
    if isinstance(value, Built):
        return f"{value.source} ({', '.join(str(part.tolist()) for part in value.arguments)})"
    return value
