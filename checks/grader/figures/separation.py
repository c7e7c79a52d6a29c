"""What a net without and a net with an activation can separate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from checks.grader.figures.inside import separate
from checks.grader.figures.style import FONT, GRADIENT, INK, number
from checks.grader.figures.subject import Subject, Undrawable, finite, pair, tensors
from checks.grader.language import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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

    def picture(self) -> Figure:
        return draw(self)


def separation_numbers(wanted: figure.Separation, subject: Subject) -> SeparationNumbers:
    """Both nets' predictions over the plane. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    points, targets = (inputs[name] for name in list(inputs)[:2])
    low, high = points.min().item(), points.max().item()
    margin = 0.35 * (high - low)
    axis = torch.linspace(low - margin, high + margin, 41, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis).flip(1)  # rows of equal second input
    names = [wanted.exercise, wanted.forward, wanted.linear, wanted.collapse]
    answer = subject.answer(wanted.exercise, names, grid, *inputs.values(), driver=separate)
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


def _rows(values: Tensor, count: int) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.reshape(count, -1).tolist())


def draw(numbers: SeparationNumbers) -> Figure:
    """The plane as each net sees it, side by side."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10.0, 6.0))
    figure.text(0.03, 0.94, numbers.title, fontsize=1.15 * FONT, weight="bold")
    middle = (min(numbers.targets) + max(numbers.targets)) / 2
    spread = (max(numbers.targets) - min(numbers.targets)) / 2
    panels = (
        ("collapsed linear net", numbers.straight, numbers.losses[0]),
        ("sigmoid net", numbers.bent, numbers.losses[1]),
    )
    for k, (what, heights, loss) in enumerate(panels):
        axes = figure.add_axes((0.075 + 0.51 * k, 0.25, 0.39, 0.57))
        border = _has_border(heights, middle, spread)
        steps = [middle + spread * step / 4 for step in range(-6, 7)]
        flat = [
            [max(steps[0], min(h, steps[-1])) if border else middle for h in row] for row in heights
        ]
        axes.contourf(
            numbers.axis, numbers.axis, flat, levels=steps, cmap="Greys",
            vmin=middle - 1.8 * spread, vmax=middle + 4 * spread,
        )  # fmt: skip
        if border:
            axes.contour(
                numbers.axis,
                numbers.axis,
                heights,
                levels=[middle],
                colors=GRADIENT,
                linewidths=2.5,
            )
        says = "" if border else f": no border, ŷ = {heights[0][0]:.2g} everywhere"
        axes.set_title(f"{what}{says}\nmean loss {number(loss)}", fontsize=FONT)
        _classes(axes, numbers, middle)
        axes.set_xlabel("x1")
        axes.set_ylabel("x2", labelpad=0)
        axes.set_xlim(numbers.axis[0], numbers.axis[-1])
        axes.set_ylim(numbers.axis[0], numbers.axis[-1])
    rows = [
        f"□ target {number(min(numbers.targets))}   ● target {number(max(numbers.targets))}   "
        "darker ground: larger ŷ",
        f"dark red line: where ŷ = {number(middle)}, the border between the two",
        f"no line does better than mean loss {number(numbers.least)}",
    ]
    for row, text in enumerate(rows):
        figure.text(0.075, 0.125 - 0.045 * row, text)
    return figure


def _has_border(heights: Sequence[Sequence[float]], middle: float, spread: float) -> bool:
    """Whether predictions lie on both sides of the middle, by more than rounding."""
    low, high = min(map(min, heights)), max(map(max, heights))
    return low < middle < high and high - low > 0.01 * spread


def _classes(axes: Axes, numbers: SeparationNumbers, middle: float) -> None:
    for (x, y), target in zip(numbers.points, numbers.targets, strict=True):
        marker, face = ("o", INK) if target > middle else ("s", "white")
        axes.plot(
            x, y, marker, markersize=13, markerfacecolor=face,
            markeredgecolor="white" if target > middle else INK, markeredgewidth=1.8,
        )  # fmt: skip
