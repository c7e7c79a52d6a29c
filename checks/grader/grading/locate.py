"""Where an answer leaves the right path: which results, which node, which step. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

from torch import Tensor

from checks.grader.grading.compare import right_quantities
from checks.grader.grading.evidence import Evidence, Prefix
from checks.grader.language.lesson import Exercise
from checks.grader.records.answer import aligned, close, float64s, parts, tensor_of
from checks.grader.records.numbers import digits
from checks.grader.records.tolerances import NODES, NOTHING, RTOL
from checks.grader.records.verdict import Settings

FEW = 4  # digits of a number in a sentence


def partly_right(exercise: Exercise, evidence: Sequence[Evidence], settings: Settings) -> str:
    """What is right and what is wrong over all cases; empty if there is nothing of one kind."""
    if any(item.seen.outcome != "value" for item in evidence):
        return ""  # what was never computed is neither
    rows = [_rights(exercise, item, settings) for item in evidence]
    names = _names(exercise)
    if not rows or any(len(row) != len(names) for row in rows):
        return ""
    columns = [all(column) for column in zip(*rows, strict=True)]
    right = [name for name, ok in zip(names, columns, strict=True) if ok]
    wrong = [name for name, ok in zip(names, columns, strict=True) if not ok]
    if not right or not wrong:
        return ""
    told, others = _and(_shortened(exercise, right)), _and(_shortened(exercise, wrong))
    return f"Right: {told}. Wrong: {others}."


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


def ratio(exercise: Exercise, evidence: Sequence[Evidence], rtol: float) -> str:
    """ "Every component is −3 times the right one." where one factor fits every case."""
    found: float | None = None
    for item in evidence:
        for expected, value in zip(
            parts(item.truth.by_hand), aligned(item.truth.by_hand, item.seen.value), strict=False
        ):
            got = tensor_of(value)
            if got is None or not isinstance(expected, Tensor) or got.shape != expected.shape:
                return ""
            largest = int(expected.abs().argmax())
            if not expected.reshape(-1)[largest]:
                return ""  # nothing is a multiple of zero
            here = got.reshape(-1)[largest].item() / expected.reshape(-1)[largest].item()
            found = here if found is None else found
            if not close(got, expected * found, rtol=rtol):
                return ""
    if found is None or abs(found) < NOTHING:
        return "Every component is zero." if found is not None else ""
    return f"Every component is {digits(found, FEW)} times the right one."


def first_wrong_node(exercise: Exercise, evidence: Sequence[Evidence], rtol: float) -> str:
    """Where a backward pass leaves the right path, as far as what it returned can tell.

    A gradient that is passed on and not returned may be wrong before that.
    """
    item = evidence[0]
    if exercise.nodes is None or any(item.seen.outcome != "value" for item in evidence):
        return ""  # where one case raised, that is the case shown, and it has no numbers
    wanted = [tensor.shape for tensor in float64s(item.truth.by_hand)]
    values = [tensor_of(part) for part in aligned(item.truth.by_hand, item.seen.value)]
    if [None if value is None else value.shape for value in values] != wanted:
        return ""
    answer = values[0] if len(values) == 1 else tuple(values)
    wrong = [
        (name, yours, expected)
        for name, (yours, expected) in exercise.nodes(answer, **item.truth.inputs).items()
        if not close(yours, expected, rtol=NODES * rtol)
    ]
    if not wrong:
        return ""
    name, yours, expected = wrong[0]
    rest = "; everything after it is right given that value" if len(wrong) == 1 else ""
    if close(yours, -expected, rtol=NODES * rtol):
        rest = f" (the opposite sign){rest}"
    got, right = _numbers(yours), _numbers(expected)
    return (
        "First wrong value on the way back, as far as your answer shows: "
        f"{name} is {got}, expected {right}{rest}."
    )


def _numbers(value: Tensor) -> str:
    if value.ndim == 0:
        return digits(value.item(), FEW)
    return "(" + ", ".join(digits(number, FEW) for number in value.reshape(-1).tolist()[:6]) + ")"


def first_wrong_step(exercise: Exercise, prefixes: Sequence[Prefix], settings: Settings) -> str:
    """At which step of training the parameters part; the losses are another matter."""
    before = ""
    for prefix in prefixes:
        if prefix.seen.outcome != "value":
            return ""
        right = right_quantities(exercise, prefix.truth.by_hand, prefix.seen.value, settings)
        each = [
            (name, ok)
            for name, ok in zip(exercise.quantities, right, strict=True)
            if name != "losses"
        ]
        if not all(ok for _, ok in each):
            wrongs = [name for name, ok in each if not ok]
            some = len(wrongs) < len(each)
            which = f" There only {_and(wrongs)} {'is' if len(wrongs) == 1 else 'are'} wrong."
            if before:
                told = (
                    f"A call that ends after {before} gives the right parameters, one that ends "
                    f"after {prefix.covers} does not."
                )
            else:
                told = f"The parameters are already wrong after a call for {prefix.covers} alone."
            return told + which * some
        before = prefix.covers
    return ""


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
