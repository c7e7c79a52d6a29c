"""The numbers of a training: losses, path, line, and what is separated at last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures.ask import Undrawable
from checks.grader.figures.numbers import (
    FitNumbers,
    LossesNumbers,
    SeparationNumbers,
    SurfaceNumbers,
)
from checks.grader.figures.record import separate, walk
from checks.grader.figures.subject import Subject, finite, pair, parameters, tensors
from checks.grader.language import figure
from checks.grader.language.inputs import resolve
from checks.grader.records.answer import float64s

#: A path is drawn through at most so many points.
MOST_POINTS = 120


def losses_numbers(wanted: figure.Losses, subject: Subject) -> LossesNumbers:
    """The student's losses, and the right ones where they differ. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    answer = subject.sitter.answer(wanted.exercise, None, *inputs.values())
    losses = tensors(answer)[-1].reshape(-1)
    if not bool(((losses > 0) & losses.isfinite()).any()):
        raise Undrawable(f"{wanted.exercise} returns no loss above 0")
    exercise = subject.exercise(wanted.exercise)
    right = float64s(exercise.truth(*(resolve(value) for value in inputs.values())))[-1]
    same = losses.shape == right.shape and torch.allclose(losses, right, rtol=1e-3, atol=1e-6)
    return LossesNumbers(
        subject.title(f"training, {len(right)} epochs"),
        tuple(losses.tolist()),
        () if same else tuple(right.tolist()),
        wanted.floor,
    )


def surface_numbers(wanted: figure.Surface, subject: Subject) -> SurfaceNumbers:
    """The path and the quadratic below it. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    path, epochs = _path(wanted, inputs, subject)
    finite(path)
    if path.shape[1] != len(wanted.parameters):
        raise Undrawable(f"{wanted.exercise} should train {len(wanted.parameters)} numbers here")
    shown = [wanted.parameters.index(axis) for axis in wanted.axes]
    minimum, least, hessian = _bowl(wanted, inputs)
    values, vectors = torch.linalg.eigh(hessian)
    valley = vectors[shown, 0]
    curvature = _best_for_others(hessian, shown)
    return SurfaceNumbers(
        subject.title(f"{epochs} epochs on the mean loss"),
        wanted.axes,
        tuple(name for name in wanted.parameters if name not in wanted.axes),
        tuple((a, b) for a, b in path[:, shown].tolist()),
        epochs,
        pair(minimum[shown]),
        least,
        (pair(curvature[0]), pair(curvature[1])),
        tuple(values.tolist()),
        pair(valley * torch.sign(valley[0]) / valley.norm()),
    )


def fit_numbers(wanted: figure.Fit, subject: Subject) -> FitNumbers:
    """The trained line beside the best one. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    columns = [inputs[name] for name in parameters(wanted.best)]
    x, y = (column.reshape(-1) for column in columns)
    stops = [wanted.early, inputs["epochs"] - wanted.early]
    answer = subject.sitter.answer(
        wanted.exercise, walk, wanted.exercise, _places(subject, wanted), stops, *inputs.values()
    )
    path = finite(tensors(answer)[0])
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


def separation_numbers(wanted: figure.Separation, subject: Subject) -> SeparationNumbers:
    """Both nets' predictions over the plane. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    points, targets = (inputs[name] for name in list(inputs)[:2])
    low, high = points.min().item(), points.max().item()
    margin = 0.35 * (high - low)
    axis = torch.linspace(low - margin, high + margin, 41, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis).flip(1)  # rows of equal second input
    names = [wanted.exercise, wanted.forward, wanted.linear, wanted.collapse]
    answer = subject.sitter.answer(wanted.exercise, separate, names, grid, *inputs.values())
    if not isinstance(answer, dict) or set(answer) != {"losses", "weight", "bias", "bent"}:
        raise Undrawable(f"{wanted.exercise} does not give two nets")
    losses, weight, bias, bent = (
        finite(tensors(answer[k])[0]) for k in ("losses", "weight", "bias", "bent")
    )
    if weight.shape != (1, 2) or bias.shape != (1,) or bent.numel() != len(grid):
        raise Undrawable(f"{wanted.collapse} or {wanted.forward} has another shape here")
    ones = torch.cat([points, torch.ones(len(points), 1, dtype=points.dtype)], dim=1)
    best = torch.linalg.lstsq(ones, targets).solution
    least = (0.5 * (ones @ best - targets).square().sum(dim=1)).mean().item()
    straight = grid @ weight[0] + bias
    return SeparationNumbers(
        subject.title("what each net can separate"),
        tuple((a, b) for a, b in points.tolist()),
        tuple(targets.reshape(-1).tolist()),
        tuple(axis.tolist()),
        _rows(straight, len(axis)),
        _rows(bent.reshape(-1), len(axis)),
        pair(losses),
        least,
    )


def _path(wanted: Any, inputs: Mapping[str, Any], subject: Subject) -> tuple[Tensor, int]:
    """The parameters at the start and after more and more epochs, shape (k, p), and the epochs."""
    *_, epochs = inputs.values()
    stops = torch.linspace(0, 1, MOST_POINTS).pow(3).mul(epochs).ceil().int().unique().tolist()
    if epochs < MOST_POINTS:
        stops = list(range(epochs + 1))
    counts = [b - a for a, b in zip(stops, stops[1:], strict=False)]
    places = _places(subject, wanted)
    answer = subject.sitter.answer(
        wanted.exercise, walk, wanted.exercise, places, counts, *inputs.values()
    )
    path = tensors(answer)[0]
    if path.ndim != 2 or len(path) != len(counts) + 1:
        raise Undrawable(f"{wanted.exercise} does not return its parameters")
    return path, epochs


def _places(subject: Subject, wanted: Any) -> list[int]:
    """Where the trained parameters stand among the arguments: those that the exercise returns."""
    exercise = subject.exercise(wanted.exercise)
    names = list(exercise.parameters)
    return [names.index(quantity) for quantity in exercise.quantities if quantity in names]


def _bowl(wanted: figure.Surface, inputs: Mapping[str, Any]) -> tuple[Tensor, float, Tensor]:
    """Minimum of the quadratic loss, its value there, and its Hessian."""
    data = [inputs[name] for name in parameters(wanted.loss)[1:]]

    def loss(flat: Tensor) -> Tensor:
        return wanted.loss(flat, *data)

    origin = torch.zeros(len(wanted.parameters), dtype=torch.float64)
    hessian = torch.autograd.functional.hessian(loss, origin)
    slope = torch.autograd.functional.jacobian(loss, origin)
    assert isinstance(hessian, Tensor) and isinstance(slope, Tensor)
    minimum = torch.round(-torch.linalg.solve(hessian, slope), decimals=12)  # 2, not 1.999…96
    return minimum, loss(minimum).item(), hessian


def _best_for_others(hessian: Tensor, shown: Sequence[int]) -> Tensor:
    """The curvature in two parameters if the others always take their best: Schur's complement."""
    rest = [i for i in range(len(hessian)) if i not in shown]
    curvature = hessian[shown][:, shown]
    if not rest:
        return curvature
    across = hessian[shown][:, rest]
    own = torch.linalg.solve(hessian[rest][:, rest], across.T)
    return curvature - torch.mm(across, own)


def _rows(values: Tensor, count: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.reshape(count, -1).tolist())
