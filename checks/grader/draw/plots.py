"""Numbers to pictures, with matplotlib; nothing else imports it.

Every picture is legible in grey: what colour tells is told by a line, a sign or a word too.
Legends stand below the axes, so that no value can push a label onto another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath
from matplotlib.ticker import LogLocator, NullFormatter

from checks.grader.draw.layout import Layout, layered
from checks.grader.draw.numbers import (
    FitNumbers,
    GraphNumbers,
    LossesNumbers,
    Nested,
    NetNumbers,
    NodeNumbers,
    Numbers,
    SeparationNumbers,
    SurfaceNumbers,
)

INK = "#1a1a1a"
GRADIENT = "#b3001b"
YOURS = "#0b5394"
QUIET = "#8a8a8a"
FONT = 12.0
LINE = 1.35 * FONT
POINTS_PER_INCH = 72.0
#: Entries of a tensor that are written out; of a larger one, the first and the last.
MOST_ENTRIES = 8
#: Longer trainings have a logarithmic epoch axis, or their beginning could not be seen.
MANY_EPOCHS = 2000
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": FONT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.unicode_minus": True,
    "svg.hashsalt": "backprop-exercises",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a student's name may hold a $
    "figure.facecolor": "white",
}
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
Line = tuple[str, str, str]  # text, colour, weight


def picture(numbers: Numbers) -> Figure:
    """The picture of some numbers, not tied to any display."""
    with matplotlib.rc_context(STYLE):
        figure = _draw(numbers)
        FigureCanvasAgg(figure)
        return figure


@singledispatch
def _draw(numbers: Any) -> Figure:
    raise TypeError(numbers)


# ── the computation graph ───────────────────────────────────────────────────────────────────────


@_draw.register
def _graph(numbers: GraphNumbers) -> Figure:
    lines = [_lines(node) for node in numbers.nodes]
    sizes = [_box(text) for text in lines]
    layout = layered(
        [node.parents for node in numbers.nodes], sizes, across=3.2 * FONT, between=1.1 * FONT
    )
    legend = _graph_legend(numbers)
    margin, head, foot = 1.2 * FONT, 3.0 * FONT, LINE * len(legend) + 1.2 * FONT
    width = max(layout.size[0], _width(numbers.title, 1.15), *(_width(t) for t, *_ in legend))
    size = (width + 2 * margin, layout.size[1] + head + foot + margin)
    figure = Figure(figsize=(size[0] / POINTS_PER_INCH, size[1] / POINTS_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    left = -(width - layout.size[0]) / 2
    axes.set_xlim(left - margin, left - margin + size[0])
    axes.set_ylim(-foot - margin / 2, layout.size[1] + head)
    axes.set_axis_off()
    _edges(axes, numbers, layout)
    for node, box, centre, extent in zip(numbers.nodes, lines, layout.centres, sizes, strict=True):
        _place(axes, node, box, centre, extent)
    axes.text(left, layout.size[1] + 1.3 * FONT, numbers.title, fontsize=1.15 * FONT, weight="bold")
    for row, (text, colour, weight) in enumerate(legend):
        y = -1.2 * FONT - LINE * (row + 0.5)
        axes.text(left, y, text, color=colour, weight=weight, va="center")
    return figure


def _lines(node: NodeNumbers) -> list[Line]:
    """What stands in a node's box."""
    lines = [(node.label, INK, "bold")]
    lines += [(row, INK, "normal") for row in _rows(node.value)]
    if node.grad is not None:
        lines += _signed("∂ ", node.grad, GRADIENT)
    if node.yours is not None:
        lines += _signed("yours ∂ ", node.yours, YOURS)
    if node.is_cut_off:
        lines.append(("no gradient", QUIET, "normal"))
    return lines


def _signed(sign: str, values: Nested, colour: str) -> list[Line]:
    first, *rest = _rows(values)
    return [(sign + first, colour, "normal"), *((row, colour, "normal") for row in rest)]


def _graph_legend(numbers: GraphNumbers) -> list[Line]:
    legend = [
        ("value, computed forward →", INK, "normal"),
        (f"∂: gradient of {numbers.root} at this node, computed backward ←", GRADIENT, "normal"),
    ]
    if any(node.yours is not None for node in numbers.nodes):
        legend.append(("yours ∂: what your grad_by_hand gives instead", YOURS, "bold"))
    if numbers.note:
        legend.append((numbers.note, YOURS, "bold"))
    return legend


def _box(lines: Sequence[Line]) -> tuple[float, float]:
    width = max(_width(text, 1.0, weight) for text, _, weight in lines)
    return width + 1.2 * FONT, LINE * len(lines) + 0.7 * FONT


def _width(text: str, scale: float = 1.0, weight: str = "bold") -> float:
    """The width of a text in points."""
    font = FontProperties(family="DejaVu Sans", size=FONT * scale, weight=weight)
    return float(TextPath((0, 0), text, size=FONT * scale, prop=font).get_extents().width) + 2.0


def _place(
    axes: Axes,
    node: NodeNumbers,
    lines: Sequence[Line],
    centre: tuple[float, float],
    size: tuple[float, float],
) -> None:
    corner = (centre[0] - size[0] / 2, centre[1] - size[1] / 2)
    rounding = 0.25 * FONT if node.is_source else 0.8 * FONT
    axes.add_patch(
        FancyBboxPatch(
            corner,
            *size,
            boxstyle=f"round,pad=0,rounding_size={rounding}",
            facecolor="#f0f0f0" if node.is_source else "white",
            edgecolor=QUIET if node.is_cut_off else INK,
            linestyle="--" if node.is_cut_off else "-",
            linewidth=1.8 if node.yours is not None else 1.0,
        )
    )
    top = centre[1] + LINE * (len(lines) - 1) / 2
    for row, (text, colour, weight) in enumerate(lines):
        axes.text(
            centre[0], top - LINE * row, text, color=colour, weight=weight, ha="center", va="center"
        )


def _edges(axes: Axes, numbers: GraphNumbers, layout: Layout) -> None:
    cut_off = [node.is_cut_off for node in numbers.nodes]
    for (start, _), points in sorted(layout.edges.items(), key=lambda e: not cut_off[e[0][0]]):
        vertices, codes = [points[0]], [Path.MOVETO]
        for here, there in zip(points, points[1:], strict=False):
            middle = (here[0] + there[0]) / 2
            vertices += [(middle, here[1]), (middle, there[1]), there]
            codes += [Path.CURVE4] * 3
        style = "--" if cut_off[start] else "-"
        colour = QUIET if cut_off[start] else INK
        axes.add_patch(
            PathPatch(Path(vertices, codes), facecolor="none", edgecolor=colour, linestyle=style)
        )
        tip, wing = points[-1], 0.42 * FONT
        axes.fill(
            [tip[0], tip[0] - wing, tip[0] - wing],
            [tip[1], tip[1] + wing / 2, tip[1] - wing / 2],
            color=colour,
        )


# ── the net ─────────────────────────────────────────────────────────────────────────────────────


@_draw.register
def _net(numbers: NetNumbers) -> Figure:
    figure = Figure(figsize=(10.5, 6.0))
    axes = figure.add_axes((0.02, 0.12, 0.96, 0.78))
    axes.set_xlim(-0.45, len(numbers.layers) - 1 + 0.6)
    axes.set_ylim(-0.35, 1.3)
    axes.set_axis_off()
    places = {
        unit: (float(column), 1 - row / max(1, len(layer) - 1))
        for column, layer in enumerate(numbers.layers)
        for row, unit in enumerate(layer)
    }
    largest = max((abs(grad) for _, _, _, grad, _ in numbers.edges), default=0.0) or 1.0
    for index, (start, end, weight, grad, yours) in enumerate(numbers.edges, start=1):
        _weight(axes, places[start], places[end], index, weight, grad, yours, largest)
    for unit, (x, y) in places.items():
        axes.plot(x, y, "o", markersize=64, markerfacecolor="white", markeredgecolor=INK, zorder=3)
        axes.text(x, y + 0.055, unit, weight="bold", ha="center", va="center", zorder=4)
        axes.text(x, y - 0.055, _number(numbers.values[unit]), ha="center", va="center", zorder=4)
        if unit in numbers.targets:
            target = f"target\n{_number(numbers.targets[unit])}"
            axes.text(x + 0.26, y, target, ha="left", va="center", color=INK)
    figure.text(0.03, 0.94, numbers.title, fontsize=1.15 * FONT, weight="bold")
    figure.text(0.03, 0.115, f"loss = {_number(numbers.loss)}")
    figure.text(
        0.03, 0.07, "∂: gradient of the loss at this weight; the wider the line, the larger it is",
        color=GRADIENT,
    )  # fmt: skip
    note = "solid line: ∂ is positive · dashed line: ∂ is negative"
    if any(edge[4] is not None for edge in numbers.edges):
        note += " · yours: what your grad_by_hand gives instead"
    figure.text(0.03, 0.025, note, color=INK)
    return figure


def _weight(
    axes: Axes,
    start: tuple[float, float],
    end: tuple[float, float],
    index: int,
    weight: float,
    grad: float,
    yours: float | None,
    largest: float,
) -> None:
    width = 0.8 + 7.0 * abs(grad) / largest
    axes.plot(
        (start[0], end[0]),
        (start[1], end[1]),
        color="#c9858f",
        linewidth=width,
        linestyle="-" if grad >= 0 else (0, (2.5, 1.2)),
        zorder=1,
    )
    along = 0.37
    x = start[0] + along * (end[0] - start[0])
    y = start[1] + along * (end[1] - start[1])
    rows = [(f"w{index} = {_number(weight)}", INK), (f"∂ {_number(grad)}", GRADIENT)]
    if yours is not None:
        rows.append((f"yours {_number(yours)}", YOURS))
    box = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    for row, (text, colour) in enumerate(rows):
        height = y + 0.070 * ((len(rows) - 1) / 2 - row)
        axes.text(x, height, text, color=colour, ha="center", va="center", bbox=box, zorder=2)


# ── training ────────────────────────────────────────────────────────────────────────────────────


@_draw.register
def _losses(numbers: LossesNumbers) -> Figure:
    rows = 1 + bool(numbers.right) + bool(numbers.floor)
    figure, axes = _canvas(numbers.title, (8.0, 4.6 + 0.25 * rows), rows)
    epochs = range(1, len(numbers.losses) + 1)
    label = f"loss: first {_number(numbers.losses[0])}, last {_number(numbers.losses[-1])}"
    axes.plot(epochs, _positive(numbers.losses), color=YOURS, linewidth=2.2, label=label)
    if numbers.right:
        label = f"as it should be: last {_number(numbers.right[-1])}"
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
    _legend(figure, axes)
    return figure


@_draw.register
def _surface(numbers: SurfaceNumbers) -> Figure:
    figure, axes = _canvas(numbers.title, (8.0, 6.6), rows=5)
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
    _legend(figure, axes)
    return figure


def _valley(
    axes: Axes, numbers: SurfaceNumbers, x_range: tuple[float, float], y_range: tuple[float, float]
) -> None:
    reach = math.hypot(x_range[1] - x_range[0], y_range[1] - y_range[0])
    (x, y), (dx, dy) = numbers.minimum, numbers.valley
    shallow, *steep = map(_number, numbers.curvatures)
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


@_draw.register
def _fit(numbers: FitNumbers) -> Figure:
    figure, axes = _canvas(numbers.title, (8.0, 6.2), rows=5)
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
    _legend(figure, axes)
    return figure


def _ends(line: tuple[float, float], xs: Sequence[float]) -> list[float]:
    return [line[0] * x + line[1] for x in xs]


def _equation(line: tuple[float, float]) -> str:
    sign = "−" if line[1] < 0 else "+"
    return f"ŷ = {_number(line[0])}·x {sign} {_number(abs(line[1]))}"


def _line_label(what: str, line: tuple[float, float], loss: float) -> str:
    return f"{what}: {_equation(line)}, loss {_number(loss)}"


@_draw.register
def _separation(numbers: SeparationNumbers) -> Figure:
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
        axes.set_title(f"{what}{says}\nmean loss {_number(loss)}", fontsize=FONT)
        _classes(axes, numbers, middle)
        axes.set_xlabel("x1")
        axes.set_ylabel("x2", labelpad=0)
        axes.set_xlim(numbers.axis[0], numbers.axis[-1])
        axes.set_ylim(numbers.axis[0], numbers.axis[-1])
    rows = [
        f"□ target {_number(min(numbers.targets))}   ● target {_number(max(numbers.targets))}   "
        "darker ground: larger ŷ",
        f"dark red line: where ŷ = {_number(middle)}, the border between the two",
        f"no line does better than mean loss {_number(numbers.least)}",
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


# ── what the pictures share ─────────────────────────────────────────────────────────────────────


def _canvas(title: str, size: tuple[float, float], rows: int) -> tuple[Figure, Axes]:
    """A figure with a title above and room for a legend below one pair of axes."""
    figure = Figure(figsize=size)
    foot = (rows * 1.55 * FONT + 4.6 * FONT) / (size[1] * POINTS_PER_INCH)
    axes = figure.add_axes((0.12, foot, 0.84, 0.9 - foot))
    figure.text(0.03, 0.945, title, fontsize=1.15 * FONT, weight="bold")
    return figure, axes


def _legend(figure: Figure, axes: Axes) -> None:
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.03, 0.005),
        frameon=False,
        markerscale=0.7,
    )


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
    text = _number(value)
    return text[2:] if text.startswith("1·10") else text


def _at(names: str, place: tuple[float, float]) -> str:
    return f"({names}) = ({_number(place[0])}, {_number(place[1])})"


def _rows(values: Nested) -> list[str]:
    """A number, a vector in one line, a matrix in several; large ones shortened."""
    if not isinstance(values, tuple):
        return [_number(values)]
    entries = _flat(values)
    if len(entries) > MOST_ENTRIES:
        return [f"{_shape(values)}: {_number(entries[0])} … {_number(entries[-1])}"]
    if len(entries) > 3 and len(set(entries)) == 1:
        return [f"{_shape(values)}: all {_number(entries[0])}"]
    if values and isinstance(values[0], tuple):
        return [row for part in values for row in _rows(part)]
    written = [_number(entry) for entry in entries]
    if len(written) > 4:
        return [", ".join(written[k : k + 4]) for k in range(0, len(written), 4)]
    return [f"({', '.join(written)})" if len(written) > 1 else written[0] if written else "()"]


def _flat(values: Nested) -> list[float]:
    return [x for part in values for x in _flat(part)] if isinstance(values, tuple) else [values]


def _shape(values: Nested) -> str:
    sizes = []
    while isinstance(values, tuple):
        sizes.append(str(len(values)))
        values = values[0] if values else 0.0
    return "×".join(sizes)


def _number(value: float) -> str:
    """Four digits, with a true minus sign and powers of ten as one writes them."""
    digits, _, power = f"{value + 0.0:.4g}".replace("-", "−").partition("e")
    if not power:
        return digits
    return f"{digits}·10{power.replace('+', '').replace('−0', '−').lstrip('0').translate(RAISED)}"
