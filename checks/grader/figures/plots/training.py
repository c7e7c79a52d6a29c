"""Losses, the path over the loss surface, the fitted line, the separated plane."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from checks.grader.figures.numbers import (
    FitNumbers,
    LossesNumbers,
    SeparationNumbers,
    SurfaceNumbers,
)
from checks.grader.figures.plots.style import FONT, GRADIENT, INK, YOURS, canvas, legend, number

#: Longer trainings have a logarithmic epoch axis, or their beginning could not be seen.
MANY_EPOCHS = 2000


def draw_losses(numbers: LossesNumbers) -> Figure:
    """Losses over epochs, the right ones dashed where they differ."""
    rows = 1 + bool(numbers.right) + bool(numbers.floor)
    figure, axes = canvas(numbers.title, (8.0, 4.6 + 0.25 * rows), rows)
    epochs = range(1, len(numbers.losses) + 1)
    label = f"loss: first {number(numbers.losses[0])}, last {number(numbers.losses[-1])}"
    axes.plot(epochs, _positive(numbers.losses), color=YOURS, linewidth=2.2, label=label)
    if numbers.right:
        label = f"as it should be: last {number(numbers.right[-1])}"
        right = range(1, len(numbers.right) + 1)
        axes.plot(right, _positive(numbers.right), "--", color=INK, linewidth=1.6, label=label)
    if numbers.floor:
        height, why = numbers.floor
        axes.axhline(height, color=INK, linestyle=":", linewidth=1.6, label=why)
    axes.set_yscale("log")
    axes.yaxis.set_major_locator(LogLocator(numticks=9))
    if _decades(axes.get_ylim()) < 3:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    axes.yaxis.set_major_formatter(_as_number)
    axes.yaxis.set_minor_formatter(NullFormatter())
    if len(numbers.losses) > MANY_EPOCHS:
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(_as_number)
        axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_xlabel("epoch")
    axes.set_ylabel("loss (log scale)")
    axes.grid(True, which="major", color="#e3e3e3")
    legend(figure, axes)
    return figure


def draw_surface(numbers: SurfaceNumbers) -> Figure:
    """Contours, the path over them and the valley it creeps along."""
    figure, axes = canvas(numbers.title, (8.0, 6.6), rows=5)
    xs, ys = zip(*numbers.path, strict=True)
    x_range, y_range = _window((*xs, numbers.minimum[0])), _window((*ys, numbers.minimum[1]))
    grid_x = [x_range[0] + (x_range[1] - x_range[0]) * k / 160 for k in range(161)]
    grid_y = [y_range[0] + (y_range[1] - y_range[0]) * k / 160 for k in range(161)]
    heights = [[_loss_at(numbers, x, y) for x in grid_x] for y in grid_y]
    levels = _levels(heights)
    filled = axes.contourf(
        grid_x, grid_y, heights, levels=levels, norm=LogNorm(levels[0], levels[-1] * 4),
        cmap="Greys", alpha=0.75, extend="both",
    )  # fmt: skip
    axes.contour(grid_x, grid_y, heights, levels=levels, colors="white", linewidths=0.7)
    bar = figure.colorbar(
        filled, ax=axes, format=_as_number, ticks=levels[:: 1 + len(levels) // 13]
    )
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
    axes.set_xlabel(numbers.axes[0])
    axes.set_ylabel(numbers.axes[1])
    legend(figure, axes)
    return figure


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


def draw_fit(numbers: FitNumbers) -> Figure:
    """Points, residuals, the trained line on top of the best one."""
    figure, axes = canvas(numbers.title, (8.0, 6.2), rows=5)
    xs, ys = zip(*numbers.points, strict=True)
    ends = _window(xs)
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


def draw_separation(numbers: SeparationNumbers) -> Figure:
    """The plane as each net sees it, side by side."""
    figure = Figure(figsize=(10.0, 6.0))
    figure.text(0.03, 0.94, numbers.title, fontsize=1.15 * FONT, weight="bold")
    middle = (min(numbers.targets) + max(numbers.targets)) / 2
    spread = (max(numbers.targets) - min(numbers.targets)) / 2
    panels = (
        ("collapsed linear net", numbers.straight, numbers.losses[0]),
        ("sigmoid net", numbers.bent, numbers.losses[1]),
    )
    for k, (what, heights, loss) in enumerate(panels):
        axes = figure.add_axes((0.075 + 0.485 * k, 0.25, 0.41, 0.57))
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


def _window(values: Sequence[float]) -> tuple[float, float]:
    """A range around finite values with a margin; never empty."""
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    margin = 0.15 * (high - low) or 1.0
    return low - margin, high + margin


def _positive(values: Sequence[float]) -> list[float]:
    """Values that a logarithm has; the others leave a gap."""
    return [value if value > 0 and math.isfinite(value) else math.nan for value in values]


def _decades(limits: tuple[float, float]) -> float:
    return math.log10(limits[1] / limits[0])


def _as_number(value: float, position: float) -> str:
    """A tick's label. A power of ten stands without a factor."""
    text = number(value)
    return text[2:] if text.startswith("1·10") else text


def _at(names: str, place: tuple[float, float]) -> str:
    return f"({names}) = ({number(place[0])}, {number(place[1])})"
