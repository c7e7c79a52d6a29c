"""Which idea explains a wrong answer. Pure, and only called after a failure.

A mistake is named only if its formula gives what the student got on every case, so right work can
never be blamed and a chance agreement cannot happen twice.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations, product
from typing import Any

import torch
from torch import Tensor

from checks.grader.grading.compare import right_quantities
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.grading.locate import first_wrong_node, first_wrong_step, partly_right, ratio
from checks.grader.language.lesson import Exercise, Mistake
from checks.grader.language.slips import Slip
from checks.grader.language.truth import Truth
from checks.grader.records.answer import Answer, aligned, close, parts, tensor_of
from checks.grader.records.observation import Array, Observation
from checks.grader.records.tolerances import EXACT, QUICK_RTOL, RTOL
from checks.grader.records.verdict import Settings

#: How many variants of a mistake are tried together with those of another.
TOGETHER = 4
#: The same for the slips in the steps of a training: a training costs more than one gradient.
TOGETHER_IN_STEPS = 1
#: What a wrong formula may raise where a student's code raises as well.
RAISED = (RuntimeError, ValueError, TypeError, IndexError, KeyError, ArithmeticError)
#: What one and the same mistake raises in one spelling or another.
ALIKE = ("RuntimeError", "RecursionError", "ValueError", "TypeError", "IndexError")


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that explain an answer, by the order of the lesson's table, and the words."""

    ids: tuple[str, ...]
    message: str


@dataclass(frozen=True)
class Variant:
    """One wrong computation: the mistakes behind it and what it gives for a truth.

    in_steps  it is a training with a slip in every step, whose losses may be those of another loss
    """

    mistakes: tuple[Mistake, ...]
    predict: Callable[[Truth], Answer]
    in_steps: bool = False


def diagnose(
    exercise: Exercise,
    evidence: Sequence[Evidence],
    prefixes: Sequence[Prefix],
    settings: Settings,
    singles: Iterable[Variant],
) -> Diagnosis:
    """Name the mistake, say which results are right, and where the others part from them.

    Where nothing is named, what to think about is left to the judge.

    singles  the exercise's `variants`, which a class shares
    """
    rtol = RTOL[settings.dtype] * exercise.slack
    ordered = _telling_first(exercise, evidence, settings)
    explanation = _explain(exercise, ordered, prefixes, rtol, singles)
    named = explanation.named
    sentences = [str(explanation)] if named else [ratio(exercise, ordered, rtol)]
    partly = partly_right(exercise, ordered, settings)
    node = first_wrong_node(exercise, ordered, rtol)
    step = first_wrong_step(exercise, prefixes, settings)
    words = [partly, node, step, *sentences]
    return Diagnosis(tuple(m.id for m in named), " ".join(word for word in words if word))


def variants(exercise: Exercise) -> Iterator[Variant]:
    """Every wrong computation that the lesson declares, single mistakes only."""
    for mistake in exercise.mistakes:
        for parts_ in mistake.variants:
            yield _slipped_variant(exercise, (mistake,), parts_)
        for formula in mistake.formulas:
            yield Variant((mistake,), _whole(formula))
        if mistake.each is not None:
            yield Variant((mistake,), _mapped(_right, mistake.each, None))
            if mistake.single and len(exercise.quantities) > 1:
                for i in range(len(exercise.quantities)):
                    yield Variant((mistake,), _mapped(_right, mistake.each, i))


def remembered(variant: Variant) -> Variant:
    """The same wrong computation, which is done once for a truth, whoever asks."""
    known: dict[
        int, tuple[Truth, Answer | Exception]
    ] = {}  # the truth, so that its id stays its own

    def predict(truth: Truth) -> Answer:
        if id(truth) not in known:
            try:
                known[id(truth)] = truth, variant.predict(truth)
            except RAISED as error:
                known[id(truth)] = truth, error
        answer = known[id(truth)][1]
        if isinstance(answer, Exception):
            raise answer.with_traceback(None)
        return answer

    return replace(variant, predict=predict)


def pairs(exercise: Exercise, quick: Sequence[Prefix] = (), rtol: float = 0.0) -> Iterator[Variant]:
    """Two different mistakes at once: two that do not meet in one place, or a map over any other.

    Of each mistake the first variants take part, which are the common ones, and of those no two
    that the first small call rules out.
    """
    fit = _both_fit(exercise, quick[0], rtol) if quick else None
    for first, second in combinations(exercise.mistakes, 2):
        for left, right in product(_common(exercise, first), _common(exercise, second)):
            if _places(left).isdisjoint(_places(right)) and (fit is None or fit(left, right)):
                yield _slipped_variant(exercise, (first, second), (*left, *right))
        for inner, outer in ((first, second), (second, first)):
            if outer.each is None:
                continue
            computations = [
                *(_slipped(exercise, variant) for variant in inner.variants),
                *(_whole(formula) for formula in inner.formulas),
                *([_mapped(_right, inner.each, None)] if inner.each and inner is first else []),
            ]
            for computation in computations:
                yield Variant((first, second), _mapped(computation, outer.each, None))


def _both_fit(exercise: Exercise, one_step: Prefix, rtol: float) -> Callable[[Any, Any], bool]:
    """Whether two mistakes can be behind one step of a training, by what each alone gives.

    A number that one of them changes and the other leaves alone is that of the first, and what both
    leave alone is right. Two that undo each other in this step do so in all: nobody is told them.
    It costs a comparison; the step with both of them costs a training.
    """
    right = _trained(one_step.truth.by_hand)
    seen = _trained(aligned(one_step.truth.by_hand, one_step.seen.value))
    digits = rtol * max(map(abs, right), default=0.0)
    is_right = all(abs(got - r) <= digits for got, r in zip(seen, right, strict=False))

    @cache
    def alone(parts: tuple[Any, ...]) -> list[float]:
        try:
            return _trained(_slipped(exercise, parts)(one_step.truth))
        except RAISED:
            return []

    def fit(left: tuple[Any, ...], other: tuple[Any, ...]) -> bool:
        apart = all(part.keeps_apart for part in (*left, *other))
        for r, got, one, two in zip(right, seen, alone(left), alone(other), strict=False):
            if is_right and max(abs(one - r), abs(two - r)) > 2 * digits:
                return False
            wanted = two if _is_same(one, r) else one if _is_same(two, r) else got
            if apart and not _is_near(got, wanted):
                return False
        return True

    return fit


def _trained(answer: Answer) -> list[float]:
    """The numbers of the trained parameters, without the losses; none where one is no number."""
    values = [tensor_of(part) if isinstance(part, Array) else part for part in parts(answer)[:-1]]
    if not all(isinstance(value, Tensor | float) for value in values):
        return []
    return [n for value in values for n in torch.as_tensor(value).flatten().tolist()]


def _is_near(got: float, wanted: float) -> bool:
    return abs(got - wanted) <= 2 * QUICK_RTOL * abs(wanted)


def _is_same(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=EXACT, abs_tol=EXACT)


def _common(exercise: Exercise, mistake: Mistake) -> tuple[tuple[Any, ...], ...]:
    """The variants that are tried together with those of another mistake."""
    in_steps = exercise.quantities[-1] == "losses" and mistake.variants
    if in_steps and any(isinstance(part, Slip) for part in mistake.variants[0]):
        return mistake.variants[:TOGETHER_IN_STEPS]
    return mistake.variants[:TOGETHER]


def of_another_loss(variant: Variant) -> Variant:
    """The same training, whatever losses are noted: a slip may lie in the loss."""
    predict = variant.predict
    return replace(variant, predict=lambda truth: (*predict(truth)[:-1], None))


def _slipped_variant(
    exercise: Exercise, mistakes: tuple[Mistake, ...], parts: tuple[Any, ...]
) -> Variant:
    in_steps = exercise.quantities[-1] == "losses" and any(isinstance(p, Slip) for p in parts)
    return Variant(mistakes, _slipped(exercise, parts), in_steps)


def _places(variant: tuple[Any, ...]) -> frozenset[Any]:
    return frozenset().union(*(part.places for part in variant))


def agrees(variant: Variant, evidence: Sequence[Evidence], rtol: float) -> bool:
    """Whether a wrong computation gives what was seen on every case, and a value at least once."""
    valued = 0
    for item in evidence:
        try:
            predicted = variant.predict(item.truth)
        except RAISED as error:
            if not _same_error(error, item.seen):
                return False
            continue
        if item.seen.outcome != "value" or not _same_answer(predicted, item.seen.value, rtol):
            return False
        valued += 1
    return valued > 0


def _same_error(error: Exception, seen: Observation) -> bool:
    """Whether what was seen can be what a wrong formula raises: a name that is not there never,
    a key only if the formula names it."""
    if isinstance(error, KeyError):
        return seen.error_type == "KeyError" and seen.message in error.args
    return seen.error_type in ALIKE


@dataclass(frozen=True)
class Explanation:
    """The mistakes that every explanation of an answer has, and those that only some have."""

    named: tuple[Mistake, ...] = ()
    perhaps: tuple[Mistake, ...] = ()

    def __str__(self) -> str:
        says = [mistake.says for mistake in self.named]
        either = " Or: ".join(mistake.says for mistake in self.perhaps)
        if len(says) > 1:
            return f"Two things at once. First: {says[0]} Second: {says[1]}"
        if says and either:
            return f"Two things at once. First: {says[0]} Second: {either}"
        return says[0] if says else ""


def _explain(
    exercise: Exercise,
    evidence: Sequence[Evidence],
    prefixes: Sequence[Prefix],
    rtol: float,
    singles: Iterable[Variant],
) -> Explanation:
    """One mistake if one is enough, else two. What fits as well is said, and only what every
    explanation has is named."""
    if not any(item.seen.outcome == "value" for item in evidence):
        return Explanation()  # nothing to agree with, as when a typo raises everywhere
    quick = _telling(exercise, prefixes)

    single, of_loss = _fitting(singles, evidence, quick, rtol)
    if single:
        return _in_common(single[:1])
    both, both_of_loss = _fitting(
        (v for v in pairs(exercise, quick, rtol) if not of_loss or of_loss[0][0] in v.mistakes),
        evidence,
        quick,
        rtol,
    )
    return _in_common(both or of_loss[:1] or both_of_loss)


def _fitting(
    candidates: Iterable[Variant],
    evidence: Sequence[Evidence],
    quick: Sequence[Prefix],
    rtol: float,
) -> tuple[list[tuple[Mistake, ...]], list[tuple[Mistake, ...]]]:
    """The mistakes of the variants that agree, and of those that do except for the losses.

    A single mistake that agrees ends the search.
    """
    exact: dict[tuple[str, ...], tuple[Mistake, ...]] = {}
    but_for_losses: dict[tuple[str, ...], tuple[Mistake, ...]] = {}
    for variant in candidates:
        ids = tuple(mistake.id for mistake in variant.mistakes)
        loose = of_another_loss(variant) if variant.in_steps else variant
        if ids in exact or not _is_possible(loose, quick):
            continue
        if agrees(variant, evidence, rtol):
            exact[ids] = variant.mistakes
            if len(ids) == 1:
                break
        elif variant.in_steps and agrees(loose, evidence, rtol):
            but_for_losses[ids] = variant.mistakes
    return list(exact.values()), list(but_for_losses.values())


def _in_common(explanations: Sequence[tuple[Mistake, ...]]) -> Explanation:
    if not explanations:
        return Explanation()
    first, *others = explanations
    common = [m for m in first if all(any(m.id == o.id for o in other) for other in others)]
    shared = {mistake.id for mistake in common}
    rest = {m.id: m for explanation in explanations for m in explanation if m.id not in shared}
    return Explanation(tuple(common), tuple(rest.values()))


def _is_possible(variant: Variant, quick: Sequence[Prefix]) -> bool:
    """Whether a wrong computation fits small calls, which rule most out at a tenth of the time."""
    for prefix in quick:
        try:
            predicted = variant.predict(prefix.truth)
        except RAISED:
            continue  # one epoch too few of one, say: the full calls will tell
        if not _same_answer(predicted, prefix.seen.value, QUICK_RTOL):
            return False
    return True


def _telling(exercise: Exercise, prefixes: Sequence[Prefix]) -> list[Prefix]:
    """The small calls that rule out most at the least cost: the first, then the first wrong one,
    or the longest."""
    valued = [prefix for prefix in prefixes if prefix.seen.outcome == "value"]
    wrong = [p for p in valued if not _same_answer(p.truth.by_hand, p.seen.value, QUICK_RTOL)]
    telling = wrong[:1] or valued[-1:]
    return [*valued[:1], *(prefix for prefix in telling if prefix is not valued[0])]


def _telling_first(
    exercise: Exercise, evidence: Sequence[Evidence], settings: Settings
) -> list[Evidence]:
    """The cases in an order that rules wrong formulas out early: wrong values come first, short
    ones before long, and what raised, which says least, comes last."""

    def length(item: Evidence) -> int:
        return max((v for v in item.truth.inputs.values() if isinstance(v, int)), default=0)

    def rank(item: Evidence) -> int:
        if item.seen.outcome != "value":
            return 2
        expected, value = item.truth.by_hand, item.seen.value
        return int(all(right_quantities(exercise, expected, value, settings)))

    return sorted(evidence, key=lambda item: (rank(item), length(item)))


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
        if not (_close_numbers if isinstance(expected, float) else _close)(number, expected, rtol):
            return False
    return True


def _close(number: Tensor, expected: Any, rtol: float) -> bool:
    return close(number, torch.as_tensor(expected, dtype=torch.float64), rtol=rtol)


def _close_numbers(number: Tensor, expected: float, rtol: float) -> bool:
    """`close` for one number, without the price of a tensor."""
    if number.ndim != 0 or not math.isfinite(expected):
        return False
    return abs(number.item() - expected) <= 2 * rtol * abs(expected)


def _right(truth: Truth) -> Answer:
    return truth.by_hand


def _slipped(exercise: Exercise, variant: tuple[Any, ...]) -> Callable[[Truth], Answer]:
    assert exercise.slipped is not None, f"{exercise.name} has no net to slip in"
    wrong = exercise.slipped(*variant)
    return lambda truth: wrong(**truth.inputs)


def _whole(formula: Callable[..., Answer]) -> Callable[[Truth], Answer]:
    return lambda truth: formula(**truth.inputs)


def _mapped(
    inner: Callable[[Truth], Answer], each: Callable[[Tensor], Tensor], only: int | None
) -> Callable[[Truth], Answer]:
    """`each` over every part of an answer, or over one part only."""

    def predict(truth: Truth) -> Answer:
        answer = inner(truth)
        mapped = [
            each(torch.as_tensor(part)) if part is not None and only in (None, i) else part
            for i, part in enumerate(parts(answer))
        ]
        if isinstance(answer, Mapping):
            return dict(zip(answer, mapped, strict=True))
        return tuple(mapped) if isinstance(answer, tuple) else mapped[0]

    return predict
