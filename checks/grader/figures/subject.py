"""The file that is drawn, and what comes back from it."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures.ask import Sitter, Undrawable
from checks.grader.language.inputs import cases
from checks.grader.language.lesson import Exercise, Lesson
from checks.grader.records.answer import close, parts
from checks.grader.records.course import number
from checks.grader.records.observation import Array

#: A student's number is shown beside the right one where it is further off than this.
DIFFERS_RTOL = 1e-4
#: What grows beyond this has diverged.
TOO_LARGE = 1e9


@dataclass(frozen=True)
class Subject:
    """A lesson and the file that is drawn."""

    stem: str
    lesson: Lesson
    sitter: Sitter

    def exercise(self, name: str) -> Exercise:
        return next(one for one in self.lesson.exercises if one.name == name)

    def inputs(self, wanted: Any) -> dict[str, Any]:
        """The inputs of a figure's worked example."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        case = next(case for case in drawn if case.name == wanted.example)
        return {**case.inputs, **wanted.given}

    def other_inputs(self, wanted: Any) -> dict[str, Any]:
        """Inputs at which no two values are equal by chance."""
        drawn = cases(self.stem, self.lesson, self.exercise(wanted.exercise), seed=0)
        return dict(next(case for case in drawn if case.expected is None).inputs)

    def title(self, what: str) -> str:
        return f"Lesson {number(self.stem)} · {what}"


def parameters(formula: Callable[..., Any]) -> list[str]:
    """The names of the inputs that a formula takes."""
    return [
        name
        for name, parameter in inspect.signature(formula).parameters.items()
        if parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]


def tensors(answer: Any) -> list[Tensor]:
    """The returned tensors, in float64. Raises Undrawable if something else came back."""
    values = [part.values if isinstance(part, Array) else part for part in parts(answer)]
    if not values or not all(isinstance(value, (Tensor, float, int)) for value in values):
        raise Undrawable("what came back is not made of tensors")
    return [torch.as_tensor(value, dtype=torch.float64) for value in values]


def finite(values: Tensor) -> Tensor:
    """The values, if a picture can show them. Raises Undrawable."""
    if not bool((values.abs() < TOO_LARGE).all()):
        raise Undrawable("the numbers grow beyond all bounds: does training go downhill?")
    return values


def close_to(value: Tensor, right: Tensor) -> bool:
    """Whether a student's number is the right one, in whatever shape."""
    right = right.detach().to(torch.float64)
    return value.numel() == right.numel() and close(
        value.reshape(-1), right.reshape(-1), rtol=DIFFERS_RTOL
    )


def pair(values: Tensor) -> tuple[float, float]:
    """Two entries as plain numbers."""
    first, second = values.tolist()
    return first, second
