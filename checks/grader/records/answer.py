"""An answer in numbers: its parts, and when two answers are the same."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from checks.grader.records.observation import Array

FEW = 16  # numbers
#: What an exercise returns: a tensor, a tuple of them, a dict of them, or plain Python values.
Answer = Any


def agree(one: Answer, other: Answer, *, rtol: float) -> bool:
    """Whether two answers are the same up to rounding, relative to the largest component."""
    left, right = float64s(one), float64s(other)
    if len(left) == 1 and len(right) > 1:  # a literal list that is one vector
        right = (torch.as_tensor(other, dtype=torch.float64),)
    return len(left) == len(right) and all(
        close(value, expected, rtol=rtol) for expected, value in zip(left, right, strict=True)
    )


def float64s(answer: Answer) -> tuple[Tensor, ...]:
    """The returned values as float64 tensors, one per quantity."""
    return tuple(torch.as_tensor(part, dtype=torch.float64) for part in parts(answer))


def close(value: Tensor, expected: Tensor, *, rtol: float) -> bool:
    """Same shape, finite, and |value − expected| ≤ rtol · (|expected| + max|expected|).

    The second term makes the bound follow the size of the answer: zeros never pass for small
    gradients, and a component that cancels is not held to a precision its neighbours do not have.
    """
    if value.shape != expected.shape:
        return False
    if expected.numel() == 0:
        return True
    if expected.numel() <= FEW and value.dtype == expected.dtype == torch.float64:
        return _few_close(value.flatten().tolist(), expected.flatten().tolist(), rtol)
    if not bool(torch.isfinite(value).all() and torch.isfinite(expected).all()):
        return False  # an infinite expectation, of a wrong formula that diverges, allows anything
    return not bool(apart(value, expected, rtol=rtol).any())


def apart(value: Tensor, expected: Tensor, *, rtol: float) -> Tensor:
    """Which entries lie outside the bound of `close`; the shapes are the same, and not empty."""
    magnitude = expected.abs()
    return ~((value - expected).abs() <= rtol * (magnitude + magnitude.max()))


def _few_close(values: list[float], expected: list[float], rtol: float) -> bool:
    """The same bound on Python's numbers, which for a few of them are ten times as fast."""
    if not all(map(math.isfinite, (*values, *expected))):
        return False
    largest = max(map(abs, expected))
    return all(
        abs(value - wanted) <= rtol * (abs(wanted) + largest)
        for value, wanted in zip(values, expected, strict=True)
    )


def parts(answer: Answer) -> tuple[Any, ...]:
    """The returned values of an answer, one per quantity."""
    if isinstance(answer, Mapping):
        return tuple(answer.values())
    if isinstance(answer, (tuple, list)):
        return tuple(answer)
    return (answer,)


def aligned(expected: Any, value: Any) -> tuple[Any, ...]:
    """The returned values in the order of the expected ones; () where there are too few."""
    if isinstance(expected, dict):
        complete = isinstance(value, dict) and all(key in value for key in expected)
        return tuple(value[key] for key in expected) if complete else ()
    if isinstance(expected, tuple):
        return value if isinstance(value, tuple) else ()
    return (value,)


def tensor_of(value: Any) -> Tensor | None:
    """A returned value as numbers in float64, None if it is not numbers."""
    if isinstance(value, Array):
        return value.values
    if isinstance(value, (bool, int, float)):
        return torch.tensor(float(value), dtype=torch.float64)
    return None
