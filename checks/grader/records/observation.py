"""What came of one call of student code, as it was told by the process that ran it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from torch import Tensor


@dataclass(frozen=True)
class Array:
    """A tensor as it was returned: its values in float64, and what it said of itself.

    `dtype` and `device` are the student's ("float32", "cpu"); `values` has the student's shape.
    """

    values: Tensor
    dtype: str
    device: str


@dataclass(frozen=True)
class Foreign:
    """A returned object that is no tensor and no plain value; only its type's name travels."""

    type_name: str


Outcome = Literal["value", "raised", "missing", "not_started", "timeout", "crashed"]


@dataclass(frozen=True)
class Observation:
    """What came of one call. All of it was said by a process that ran student code.

    changed, grads  positions of arguments whose values, whose .grad differ after the call
    autograd        whether PyTorch's differentiation ran during the call
    forward_mode    whether it ran in forward mode
    """

    outcome: Outcome
    value: Any = None
    error_type: str = ""
    message: str = ""
    line: int | None = None
    changed: tuple[int, ...] = ()
    grads: tuple[int, ...] = ()
    autograd: bool = False
    forward_mode: bool = False
    printed: str = ""
