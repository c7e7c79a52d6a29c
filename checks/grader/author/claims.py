"""Claims of the study notes against values computed in this run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import torch

from checks.grader.language.inputs import cases
from checks.grader.language.lesson import Claim, Lesson
from checks.grader.language.truth import establish
from checks.grader.records.answer import float64s
from checks.grader.records.tolerances import EXACT, HALF_A_DIGIT

NUMBER = re.compile(r"[-−]?\d+(?:\.\d+)?(?:e[-−+]?\d+)?")


@dataclass(frozen=True)
class Finding:
    """A claim, what the notes state, what was computed, and whether that is the same.

    expected  whether the course says that the claim holds; a finding that differs is a course error
    """

    says: str
    notes: str
    verified: str
    confirmed: bool
    expected: bool

    @property
    def verdict(self) -> str:
        return "confirmed" if self.confirmed else "corrected"


def examine(claim: Claim) -> Finding:
    """Compute the true value and hold the claim against it, to the digits the notes print."""
    value = claim.verified()
    if isinstance(value, str):
        return Finding(claim.says, claim.notes, value, value == claim.notes, claim.stands)
    values = [float(part) for part in (value if isinstance(value, Sequence) else (value,))]
    stated = [Decimal(text.replace("−", "-")) for text in NUMBER.findall(claim.notes)]
    confirmed = len(stated) == len(values) and all(map(_to_the_digits, stated, values))
    return Finding(claim.says, claim.notes, _written(values, stated), confirmed, claim.stands)


def examples(stem: str, lesson: Lesson) -> Iterator[Claim]:
    """The worked examples of data/ as claims."""
    for exercise in lesson.exercises:
        for case in cases(stem, lesson, exercise, seed=0):
            if case.expected is None:
                continue
            truth = establish(exercise, case, torch.float64)
            values = [v for part in float64s(truth.by_hand) for v in part.reshape(-1).tolist()]
            stated = [_literal(number) for number in _flat(case.expected)]
            yield Claim(
                f"{exercise.name}: {case.name}",
                ", ".join(stated),
                lambda values=tuple(values): values,  # type: ignore[misc]
            )


def _to_the_digits(stated: Decimal, value: float) -> bool:
    """Whether a value rounds to what was printed; one or two digits are meant exactly."""
    _, digits, exponent = stated.as_tuple()
    assert isinstance(exponent, int)
    half_unit = 0.5 * 10.0**exponent if len(digits) > 2 else 0.0
    return abs(float(stated) - value) <= half_unit * (1 + HALF_A_DIGIT) + EXACT * max(
        1.0, abs(value)
    )


def _written(values: Sequence[float], stated: Sequence[Decimal]) -> str:
    """The values with as many decimals as the notes print, or six digits."""
    if len(values) != len(stated):
        return ", ".join(f"{value:.6g}" for value in values)
    decimals = [max(0, -int(number.as_tuple().exponent)) for number in stated]
    return ", ".join(f"{v:.{n}f}" for v, n in zip(values, decimals, strict=True))


def _flat(literal: Any) -> Iterator[Any]:
    if isinstance(literal, dict):
        literal = list(literal.values())
    if isinstance(literal, list):
        for item in literal:
            yield from _flat(item)
    else:
        yield literal


def _literal(number: Any) -> str:
    """A literal of data/ as it is written there, whole numbers without their zero."""
    if isinstance(number, bool):
        return str(int(number))
    return f"{number:.12g}"
