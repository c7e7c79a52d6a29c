"""The fitted line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from checks.grader.figures.path import path_at
from checks.grader.figures.style import GRADIENT, INK, YOURS, canvas, legend, number, window
from checks.grader.figures.subject import Subject, Undrawable, finite, pair, parameters
from checks.grader.language import figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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

    def picture(self) -> Figure:
        return draw(self)


def fit_numbers(wanted: figure.Fit, subject: Subject) -> FitNumbers:
    """The trained line beside the best one. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    columns = [inputs[name] for name in parameters(wanted.best)]
    x, y = (column.reshape(-1) for column in columns)
    stops = [wanted.early, inputs["epochs"] - wanted.early]
    path = finite(path_at(wanted, inputs, stops, subject))
    if path.shape != (3, 2):
        raise Undrawable(f"{wanted.exercise} should train a weight and a bias")
    best = torch.cat([part.reshape(-1) for part in wanted.best(*columns)])

    def loss(line: Tensor) -> float:
        return float((line[0] * x + line[1] - y).square().mean())

    return FitNumbers(
        subject.title(f"{len(x)} points and the line through them"),
        tuple(zip(x.tolist(), y.tolist(), strict=True)),
        pair(path[2]),
        inputs["epochs"],
        pair(path[1]),
        wanted.early,
        pair(best),
        loss(path[2]),
        loss(best),
    )


def draw(numbers: FitNumbers) -> Figure:
    """Points, residuals, the trained line on top of the best one."""
    figure, axes = canvas(numbers.title, (8.0, 6.2), rows=5)
    xs, ys = zip(*numbers.points, strict=True)
    ends = window(xs)
    weight, bias = numbers.line
    for k, (x, y) in enumerate(numbers.points):
        label = "residual rᵢ = ŷᵢ − yᵢ" if k == 0 else None
        axes.plot((x, x), (y, weight * x + bias), color=GRADIENT, linewidth=1.3, label=label)
    best = _line_label("least squares", numbers.best, numbers.least)
    axes.plot(ends, _ends(numbers.best, ends), color="#bdbdbd", linewidth=7, label=best)
    trained = _line_label(f"after {numbers.epochs} epochs", numbers.line, numbers.loss)
    axes.plot(ends, _ends(numbers.line, ends), color=YOURS, linewidth=2, label=trained)
    early = f"after {numbers.early} epochs: {_equation(numbers.early_line)}"
    axes.plot(ends, _ends(numbers.early_line, ends), "--", color=INK, linewidth=1.5, label=early)
    axes.plot(xs, ys, "o", color=INK, markersize=7, label=f"the {len(xs)} points")
    axes.set_xlim(ends)
    axes.set_xlabel("x")
    axes.set_ylabel("y")
    legend(figure, axes)
    return figure


def _ends(line: tuple[float, float], xs: Sequence[float]) -> list[float]:
    return [line[0] * x + line[1] for x in xs]


def _equation(line: tuple[float, float]) -> str:
    sign = "−" if line[1] < 0 else "+"
    return f"ŷ = {number(line[0])}·x {sign} {number(abs(line[1]))}"


def _line_label(what: str, line: tuple[float, float], loss: float) -> str:
    return f"{what}: {_equation(line)}, loss {number(loss)}"
