"""The path of a training over the mean loss."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from checks.grader.figures.path import path_of
from checks.grader.figures.style import (
    GRADIENT,
    INK,
    YOURS,
    canvas,
    legend,
    number,
    tick_labels,
    window,
)
from checks.grader.figures.subject import Subject, Undrawable, finite, pair
from checks.grader.language import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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

    def picture(self) -> Figure:
        return draw(self)


def surface_numbers(wanted: figure.Surface, subject: Subject) -> SurfaceNumbers:
    """The path and the quadratic below it. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    path, epochs = path_of(wanted, inputs, subject)
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


def _bowl(wanted: figure.Surface, inputs: Mapping[str, Any]) -> tuple[Tensor, float, Tensor]:
    """Minimum of the quadratic loss, its value there, and its Hessian."""
    data = [
        value
        for name, value in inputs.items()
        if isinstance(value, Tensor) and name not in wanted.parameters
    ]

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


def draw(numbers: SurfaceNumbers) -> Figure:
    """Contours, the path over them and the valley it creeps along."""
    from matplotlib.colors import LogNorm

    climbs = climbs_over(numbers)
    figure, axes = canvas(numbers.title, (8.0, 6.6 + 0.25 * climbs), rows=5 + climbs)
    xs, ys = zip(*numbers.path, strict=True)
    x_range, y_range = window((*xs, numbers.minimum[0])), window((*ys, numbers.minimum[1]))
    grid_x = [x_range[0] + (x_range[1] - x_range[0]) * k / 160 for k in range(161)]
    grid_y = [y_range[0] + (y_range[1] - y_range[0]) * k / 160 for k in range(161)]
    heights = [[_loss_at(numbers, x, y) for x in grid_x] for y in grid_y]
    levels = _levels(heights)
    filled = axes.contourf(
        grid_x, grid_y, heights, levels=levels, norm=LogNorm(levels[0], levels[-1] * 4),
        cmap="Greys", alpha=0.75, extend="both",
    )  # fmt: skip
    axes.contour(grid_x, grid_y, heights, levels=levels, colors="white", linewidths=0.7)
    ticks = levels[:: 1 + len(levels) // 13]
    bar = figure.colorbar(filled, ax=axes, ticks=ticks)
    tick_labels(bar.ax.yaxis, ticks[0], ticks[-1])
    bar.ax.minorticks_off()
    bar.set_label(
        "mean loss" + (f", with the best {', '.join(numbers.others)}" if numbers.others else "")
    )
    _valley(axes, numbers, x_range, y_range)
    axes.plot(
        xs, ys, color=YOURS, linewidth=2.0, marker=".", markersize=5, label="path of training"
    )
    names = ", ".join(numbers.axes)
    start, end, minimum = (
        _at(names, place) for place in (numbers.path[0], numbers.path[-1], numbers.minimum)
    )
    edge: dict[str, Any] = {"markeredgecolor": "white", "linestyle": "none"}
    axes.plot(*numbers.path[0], "s", color=INK, markersize=10, label=f"start: {start}", **edge)
    label = f"after {numbers.epochs} epochs: {end}"
    ring: dict[str, Any] = {
        "markerfacecolor": "none",
        "markeredgecolor": YOURS,
        "markeredgewidth": 2.5,
    }
    axes.plot(*numbers.path[-1], "o", markersize=20, linestyle="none", label=label, **ring)
    axes.plot(
        *numbers.minimum, "*", color=GRADIENT, markersize=16, label=f"least loss: {minimum}", **edge
    )
    axes.set_xlim(x_range)
    axes.set_ylim(y_range)
    if climbs:
        others = ", ".join(numbers.others)
        axes.plot([], [], " ", label=f"the path's own loss is higher: its {others} is not the best")
    axes.set_xlabel(numbers.axes[0])
    axes.set_ylabel(numbers.axes[1])
    legend(figure, axes)
    return figure


def climbs_over(numbers: SurfaceNumbers) -> bool:
    """Whether the contours rise under the path: they have the best of the other parameters."""
    heights = [_loss_at(numbers, x, y) for x, y in numbers.path]
    rises = any(b > a * 1.001 for a, b in zip(heights, heights[1:], strict=False))
    return bool(numbers.others) and rises


def _valley(
    axes: Axes, numbers: SurfaceNumbers, x_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    reach = math.hypot(x_range[1] - x_range[0], y_range[1] - y_range[0])
    (x, y), (dx, dy) = numbers.minimum, numbers.valley
    shallow, *steep = map(number, numbers.curvatures)
    axes.plot(
        (x - reach * dx, x + reach * dx),
        (y - reach * dy, y + reach * dy),
        "--",
        color=GRADIENT,
        linewidth=1.5,
        label=f"slow valley: curvature {shallow} along it, {' and '.join(steep)} across",
    )


def _loss_at(numbers: SurfaceNumbers, x: float, y: float) -> float:
    dx, dy = x - numbers.minimum[0], y - numbers.minimum[1]
    (a, b), (_, d) = numbers.curvature
    return numbers.least + 0.5 * (a * dx * dx + 2 * b * dx * dy + d * dy * dy)


def _levels(heights: Sequence[Sequence[float]]) -> list[float]:
    """Round numbers at about equal ratios between the lowest and the highest point."""
    flat = sorted(h for row in heights for h in row)
    low, high = max(flat[len(flat) // 200], flat[-1] * 1e-5), flat[-1]
    for steps in ((1.0, 3.0), (1.0, 2.0, 5.0), (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)):
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
        levels = [step * 10.0**power for power in powers for step in steps]
        levels = [level for level in levels if low <= level <= high]
        if len(levels) >= 8:
            break
    return levels if len(levels) > 1 else [low, (low + high) / 2, high]


def _at(names: str, place: tuple[float, float]) -> str:
    return f"({names}) = ({number(place[0])}, {number(place[1])})"
