"""All that a picture shows, as plain numbers and text.

It is what tests hold against golden values and what a picture carries inside its file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Nested = float | tuple[Any, ...]


@dataclass(frozen=True)
class NodeNumbers:
    """A node of a graph. `shape` is that of value and grad; `yours` is the student's gradient."""

    label: str
    value: Nested
    grad: Nested | None
    yours: Nested | None
    parents: tuple[int, ...]
    is_source: bool
    is_cut_off: bool


@dataclass(frozen=True)
class GraphNumbers:
    title: str
    root: str
    nodes: tuple[NodeNumbers, ...]
    note: str


@dataclass(frozen=True)
class NetNumbers:
    """`values` of the units by name; edges are (from, to, weight, gradient, yours)."""

    title: str
    layers: tuple[tuple[str, ...], ...]
    values: Mapping[str, float]
    targets: Mapping[str, float]
    edges: tuple[tuple[str, str, float, float, float | None], ...]
    loss: float


@dataclass(frozen=True)
class LossesNumbers:
    """`right` is empty where the student's losses are right."""

    title: str
    losses: tuple[float, ...]
    right: tuple[float, ...]
    floor: tuple[float, str] | None


@dataclass(frozen=True)
class SurfaceNumbers:
    """A quadratic ½·dᵀSd + least around `minimum`, d in the two axes; `path` over it.

    curvature   S
    curvatures  of the loss in all parameters, small to large
    valley      the direction of the smallest one in the two axes
    """

    title: str
    axes: tuple[str, str]
    others: tuple[str, ...]
    path: tuple[tuple[float, float], ...]
    epochs: int
    minimum: tuple[float, float]
    least: float
    curvature: tuple[tuple[float, float], tuple[float, float]]
    curvatures: tuple[float, ...]
    valley: tuple[float, float]


@dataclass(frozen=True)
class FitNumbers:
    """Lines are (weight, bias)."""

    title: str
    points: tuple[tuple[float, float], ...]
    line: tuple[float, float]
    epochs: int
    early_line: tuple[float, float]
    early: int
    best: tuple[float, float]
    loss: float
    least: float


@dataclass(frozen=True)
class SeparationNumbers:
    """Predictions of both nets on a grid over two inputs, rows from low to high second input."""

    title: str
    points: tuple[tuple[float, float], ...]
    targets: tuple[float, ...]
    axis: tuple[float, ...]
    straight: tuple[tuple[float, ...], ...]
    bent: tuple[tuple[float, ...], ...]
    losses: tuple[float, float]
    least: float


Numbers = (
    GraphNumbers | NetNumbers | LossesNumbers | SurfaceNumbers | FitNumbers | SeparationNumbers
)
