"""Which idea explains a wrong answer. Pure, and only called after a failure.

A mistake is named only if its formula gives what the student got on every case, so right work can
never be blamed and a chance agreement cannot happen twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import torch
from torch import Tensor

from checks.grader.compare import RTOL, aligned, right_quantities, tensor_of
from checks.grader.lesson import Answer, Exercise, Mistake
from checks.grader.truth import Truth, close, float64s, parts
from checks.grader.verdict import Observation, Settings


@dataclass(frozen=True)
class Evidence:
    """One case: what was right, what was seen."""

    truth: Truth
    seen: Observation


@dataclass(frozen=True)
class Prefix:
    """A smaller call of a failed training: what it covers, what was right, what was seen."""

    covers: str
    truth: Truth
    seen: Observation


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that explain an answer, by the order of the lesson's table, and the words."""

    ids: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Variant:
    """One wrong computation: the mistakes behind it and what it gives for a truth."""

    mistakes: tuple[Mistake, ...]
    predict: Callable[[Truth], Answer]


def diagnose(
    exercise: Exercise,
    evidence: Sequence[Evidence],
    prefixes: Sequence[Prefix],
    settings: Settings,
) -> Diagnosis:
    """Name the mistake, say which results are right, and where the others part from them."""
    rtol = RTOL[settings.dtype] * exercise.slack
    ordered = _telling_first(exercise, evidence, settings)
    named = _explain(exercise, ordered, rtol)
    sentences = [mistake.says for mistake in named]
    if len(named) > 1:
        sentences = ["Two things at once. " + sentences[0], "And: " + sentences[1]]
    if not named:
        sentences = [_ratio(exercise, ordered, rtol), exercise.idea]
    partly = _partly_right(exercise, ordered, settings)
    node = _first_wrong_node(exercise, ordered, rtol)
    step = _first_wrong_step(exercise, prefixes, settings)
    words = [partly, node, step, *sentences]
    return Diagnosis(tuple(m.id for m in named), " ".join(word for word in words if word))


def variants(exercise: Exercise) -> Iterator[Variant]:
    """Every wrong computation that the lesson declares, single mistakes only."""
    for mistake in exercise.mistakes:
        for swap in mistake.swaps:
            yield Variant((mistake,), _swapped(exercise, swap))
        for formula in mistake.formulas:
            yield Variant((mistake,), _whole(formula))
        if mistake.each is not None:
            yield Variant((mistake,), _mapped(_right, mistake.each, None))
            if mistake.single and len(exercise.quantities) > 1:
                for i in range(len(exercise.quantities)):
                    yield Variant((mistake,), _mapped(_right, mistake.each, i))


def pairs(exercise: Exercise) -> Iterator[Variant]:
    """Two different mistakes at once: two swaps of different steps, or a map over any other."""
    for first, second in combinations(exercise.mistakes, 2):
        for one in first.swaps:
            for other in second.swaps:
                if not one.keys() & other.keys():
                    yield Variant((first, second), _swapped(exercise, {**one, **other}))
        for inner, outer in ((first, second), (second, first)):
            if outer.each is None:
                continue
            computations = [
                *(_swapped(exercise, swap) for swap in inner.swaps),
                *(_whole(formula) for formula in inner.formulas),
                *([_mapped(_right, inner.each, None)] if inner.each and inner is first else []),
            ]
            for computation in computations:
                yield Variant((first, second), _mapped(computation, outer.each, None))


def agrees(variant: Variant, evidence: Sequence[Evidence], rtol: float) -> bool:
    """Whether a wrong computation gives what was seen on every case, and a value at least once."""
    valued = 0
    for item in evidence:
        try:
            predicted = variant.predict(item.truth)
        except (RuntimeError, ValueError, TypeError, IndexError, KeyError):
            if item.seen.outcome != "raised":
                return False
            continue
        if item.seen.outcome != "value" or not _same_answer(predicted, item.seen.value, rtol):
            return False
        valued += 1
    return valued > 0


def _explain(exercise: Exercise, evidence: Sequence[Evidence], rtol: float) -> tuple[Mistake, ...]:
    if not any(item.seen.outcome == "value" for item in evidence):
        return ()  # nothing to agree with, as when a typo raises everywhere
    for candidates in (variants(exercise), pairs(exercise)):
        for variant in candidates:
            if agrees(variant, evidence, rtol):
                return variant.mistakes
    return ()


def _telling_first(
    exercise: Exercise, evidence: Sequence[Evidence], settings: Settings
) -> list[Evidence]:
    """The cases in an order that rules wrong formulas out early: wrong answers first."""

    def is_right(item: Evidence) -> bool:
        expected, value = item.truth.by_hand, item.seen.value
        return item.seen.outcome == "value" and all(
            right_quantities(exercise, expected, value, settings)
        )

    return sorted(evidence, key=is_right)


def _same_answer(predicted: Answer, value: Any, rtol: float) -> bool:
    wanted, got = parts(predicted), aligned(predicted, value)
    if len(wanted) != len(got):
        return False
    for expected, actual in zip(wanted, got, strict=True):
        if expected is None:
            continue
        number = tensor_of(actual)
        if number is None:
            return False
        if not close(number, torch.as_tensor(expected, dtype=torch.float64), rtol=rtol):
            return False
    return True


def _right(truth: Truth) -> Answer:
    return truth.by_hand


def _swapped(exercise: Exercise, swap: Mapping[str, Any]) -> Callable[[Truth], Answer]:
    return lambda truth: exercise.truth(**truth.inputs, **swap)


def _whole(formula: Callable[..., Answer]) -> Callable[[Truth], Answer]:
    return lambda truth: formula(**truth.inputs)


def _mapped(
    inner: Callable[[Truth], Answer], each: Callable[[Tensor], Tensor], only: int | None
) -> Callable[[Truth], Answer]:
    """`each` over every part of an answer, or over one part only."""

    def predict(truth: Truth) -> Answer:
        answer = inner(truth)
        mapped = [
            each(part) if isinstance(part, Tensor) and only in (None, i) else part
            for i, part in enumerate(parts(answer))
        ]
        if isinstance(answer, Mapping):
            return dict(zip(answer, mapped, strict=True))
        return tuple(mapped) if isinstance(answer, tuple) else mapped[0]

    return predict


def _partly_right(exercise: Exercise, evidence: Sequence[Evidence], settings: Settings) -> str:
    """ "∂loss/∂b is right; ∂loss/∂w is not." over all cases; empty unless some and not all."""
    rows = [_rights(exercise, item, settings) for item in evidence if item.seen.outcome == "value"]
    names = _names(exercise)
    if not rows or any(len(row) != len(names) for row in rows):
        return ""
    columns = [all(column) for column in zip(*rows, strict=True)]
    right = [name for name, ok in zip(names, columns, strict=True) if ok]
    wrong = [name for name, ok in zip(names, columns, strict=True) if not ok]
    if not right or not wrong:
        return ""
    told, others = _and(_shortened(exercise, right)), _and(_shortened(exercise, wrong))
    return f"{told} {_are(right)} right; {others} {_are(wrong)} not."


def _shortened(exercise: Exercise, names: Sequence[str]) -> list[str]:
    """Three neighbours of a labelled vector, or more, as "w1 … w4"."""
    found = list(names)
    for labels in exercise.labels.values():
        for start, end in combinations(range(len(labels) + 1), 2):
            run = labels[start : len(labels) + start + 1 - end]  # the longest first
            if len(run) > 2 and all(name in found for name in run):
                at = found.index(run[0])
                found[at : at + len(run)] = [f"{run[0]} … {run[-1]}"]
    return found


def _names(exercise: Exercise) -> tuple[str, ...]:
    """What a sentence can call right or wrong: the quantities, or a vector's labelled entries."""
    labels = [exercise.labels.get(quantity, (quantity,)) for quantity in exercise.quantities]
    return tuple(name for group in labels for name in group)


def _rights(exercise: Exercise, item: Evidence, settings: Settings) -> tuple[bool, ...]:
    """Whether each of those is right in one case."""
    expected, value = item.truth.by_hand, item.seen.value
    whole = right_quantities(exercise, expected, value, settings)
    rights: list[bool] = []
    for quantity, wanted, got, ok in zip(
        exercise.quantities, parts(expected), aligned(expected, value), whole, strict=False
    ):
        labels = exercise.labels.get(quantity)
        entries = tensor_of(got)
        if labels is None or entries is None or entries.shape != wanted.shape:
            rights += [ok] * len(labels or "?")
            continue
        bound = RTOL[settings.dtype] * exercise.slack * wanted.abs().max()
        rights += ((entries - wanted).abs() <= 2 * bound).reshape(-1).tolist()
    return tuple(rights)


def _ratio(exercise: Exercise, evidence: Sequence[Evidence], rtol: float) -> str:
    """ "Every component is −3 times the right one." where one factor fits every case."""
    ratio: float | None = None
    for item in evidence:
        for expected, value in zip(
            parts(item.truth.by_hand), aligned(item.truth.by_hand, item.seen.value), strict=False
        ):
            got = tensor_of(value)
            if got is None or not isinstance(expected, Tensor) or got.shape != expected.shape:
                return ""
            largest = int(expected.abs().argmax())
            here = got.reshape(-1)[largest].item() / expected.reshape(-1)[largest].item()
            ratio = here if ratio is None else ratio
            if not close(got, expected * ratio, rtol=rtol):
                return ""
    if ratio is None or abs(ratio) < 1e-6:
        return "Every component is zero." if ratio is not None else ""
    return f"Every component is {ratio:.4g} times the right one."


def _first_wrong_node(exercise: Exercise, evidence: Sequence[Evidence], rtol: float) -> str:
    """Where a backward pass leaves the right path, if all that follows is right from there on."""
    item = evidence[0]
    if exercise.nodes is None or item.seen.outcome != "value":
        return ""
    wanted = [tensor.shape for tensor in float64s(item.truth.by_hand)]
    values = [tensor_of(part) for part in aligned(item.truth.by_hand, item.seen.value)]
    if [None if value is None else value.shape for value in values] != wanted:
        return ""
    answer = values[0] if len(values) == 1 else tuple(values)
    wrong = [
        (name, yours, expected)
        for name, (yours, expected) in exercise.nodes(answer, **item.truth.inputs).items()
        if not close(yours, expected, rtol=100 * rtol)
    ]
    if not wrong:
        return ""
    name, yours, expected = wrong[0]
    rest = "; everything after it is right given that value" if len(wrong) == 1 else ""
    got, right = _numbers(yours), _numbers(expected)
    return f"First wrong node on the way back: {name} is {got}, expected {right}{rest}."


def _numbers(value: Tensor) -> str:
    if value.ndim == 0:
        return f"{value.item():.4g}"
    return "(" + ", ".join(f"{entry:.4g}" for entry in value.reshape(-1).tolist()[:6]) + ")"


def _first_wrong_step(exercise: Exercise, prefixes: Sequence[Prefix], settings: Settings) -> str:
    """At which step of training the parameters part; the losses are another matter."""
    before = ""
    for prefix in prefixes:
        if prefix.seen.outcome != "value":
            return ""
        right = right_quantities(exercise, prefix.truth.by_hand, prefix.seen.value, settings)
        if not all(
            ok for name, ok in zip(exercise.quantities, right, strict=True) if name != "losses"
        ):
            if before:
                return f"The parameters are right after {before} and wrong after {prefix.covers}."
            return f"The parameters are already wrong after {prefix.covers}."
        before = prefix.covers
    return ""


def _are(names: Sequence[str]) -> str:
    return "is" if len(names) == 1 else "are"


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
