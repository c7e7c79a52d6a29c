"""What a verdict shows of a case: its inputs, and a row for each component of the answer."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.compare import right_quantities
from checks.grader.grading.evidence import Evidence
from checks.grader.grading.kinds import describe
from checks.grader.language.inputs import Case
from checks.grader.language.lesson import Built, Exercise, Source
from checks.grader.language.truth import Truth
from checks.grader.records.answer import aligned, apart, parts, tensor_of
from checks.grader.records.observation import Observation
from checks.grader.records.tolerances import RTOL
from checks.grader.records.verdict import Row, Settings

MAX_ROWS = 64


def rows(
    exercise: Exercise, truth: Truth, seen: Observation, settings: Settings
) -> tuple[Row, ...]:
    """The table of a wrong answer, one row per component."""
    rows: list[Row] = []
    hands = parts(truth.by_hand)
    yours = aligned(truth.by_hand, seen.value)
    if len(yours) != len(hands):  # an answer of another form has no place in the table
        return ()
    autograds = parts(truth.autograd) if truth.autograd is not None else (None,) * len(hands)
    rights = right_quantities(exercise, truth.by_hand, seen.value, settings)
    rtol = RTOL[settings.dtype] * exercise.slack
    for quantity, hand, mine, auto, right in zip(
        exercise.quantities, hands, yours, autograds, rights, strict=True
    ):
        names = _components(quantity, hand, exercise.labels.get(quantity))
        wrong = [] if right else _wrong_entries(hand, mine, rtol)
        for i, name in enumerate(names):
            is_right = right or (bool(wrong) and not wrong[i])
            rows.append(Row(name, _entry(mine, i), _entry(auto, i), _entry(hand, i), is_right))
    return tuple(rows[:MAX_ROWS])


def most_telling(
    exercise: Exercise, evidence: Sequence[Evidence], failing: int, settings: Settings
) -> int:
    """The first case in which everything is wrong that is wrong in any: its rows show the fault.

    At x = 2 the slopes x² and 2x are one number, and a table of that case would contradict words
    about another.
    """
    wrong = [_wrong(exercise, item, settings) for item in evidence]
    all_wrong = frozenset[str]().union(*wrong)
    most = max(range(len(wrong)), key=lambda i: (len(wrong[i] & all_wrong), -i))
    return most if len(wrong[most]) > len(wrong[failing]) else failing


def _wrong(exercise: Exercise, item: Evidence, settings: Settings) -> frozenset[str]:
    """The quantities, or the labelled entries of them, that are wrong in one case."""
    if item.seen.outcome != "value":
        return frozenset()
    expected, value = item.truth.by_hand, item.seen.value
    rights = right_quantities(exercise, expected, value, settings)
    names: set[str] = set()
    for quantity, right, wanted, got in zip(
        exercise.quantities, rights, parts(expected), aligned(expected, value), strict=False
    ):
        if right:
            continue
        labels = exercise.labels.get(quantity)
        wrongs = _wrong_entries(wanted, got, RTOL[settings.dtype] * exercise.slack)
        if labels is None or not wrongs:
            names.add(quantity)
            continue
        names |= {label for label, wrong in zip(labels, wrongs, strict=True) if wrong}
    return frozenset(names)


def _wrong_entries(wanted: Any, got: Any, rtol: float) -> list[bool]:
    """Which entries of a wrong quantity are; none where they cannot be held side by side."""
    mine = tensor_of(got)
    if not isinstance(wanted, Tensor) or mine is None or mine.shape != wanted.shape:
        return []
    wrong: list[bool] = apart(mine, wanted, rtol=rtol).flatten().tolist()
    return wrong


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
        return _built(value)
    return value


def _built(value: Built) -> str:
    """An argument made where it is used: its own words, with the numbers put in."""
    words, numbers = str(value.source), [_numbers(part.tolist()) for part in value.arguments]
    if words.endswith("="):
        return f"{words} {', '.join(numbers)}"
    if "…" in words and len(numbers) == 1:
        return words.replace("…", numbers[0])
    names = inspect.signature(value.source.function).parameters
    told = (f"{name} {number}" for name, number in zip(names, numbers, strict=False))
    return f"{words.rstrip(':')}: {', '.join(told)}"


def _numbers(value: Any) -> str:
    """Numbers of six digits, several in brackets; one alone without."""
    if isinstance(value, list):
        inner = ", ".join(map(_numbers, value))
        return inner if len(value) == 1 else f"({inner})"
    return f"{value:.6g}".replace("-", "−")
