"""The computation graph and the net."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path
from matplotlib.textpath import TextPath

from checks.grader.figures.layout import Layout, layered
from checks.grader.figures.numbers import GraphNumbers, Nested, NetNumbers, NodeNumbers
from checks.grader.figures.plots.style import (
    FONT,
    GRADIENT,
    INK,
    LINE,
    POINTS_PER_INCH,
    QUIET,
    YOURS,
    number,
)

#: Entries of a tensor that are written out; of a larger one, the first and the last.
MOST_ENTRIES = 8
Line = tuple[str, str, str]  # text, colour, weight


def draw_graph(numbers: GraphNumbers) -> Figure:
    """Boxes from left to right, as large as what stands in them."""
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


def draw_net(numbers: NetNumbers) -> Figure:
    """Units in columns, a weight on each line between them."""
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
        axes.text(x, y - 0.055, number(numbers.values[unit]), ha="center", va="center", zorder=4)
        if unit in numbers.targets:
            target = f"target\n{number(numbers.targets[unit])}"
            axes.text(x + 0.26, y, target, ha="left", va="center", color=INK)
    figure.text(0.03, 0.94, numbers.title, fontsize=1.15 * FONT, weight="bold")
    figure.text(0.03, 0.115, f"loss = {number(numbers.loss)}")
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
    rows = [(f"w{index} = {number(weight)}", INK), (f"∂ {number(grad)}", GRADIENT)]
    if yours is not None:
        rows.append((f"yours {number(yours)}", YOURS))
    box = {"boxstyle": "square,pad=0.12", "facecolor": "white", "edgecolor": "none"}
    for row, (text, colour) in enumerate(rows):
        height = y + 0.070 * ((len(rows) - 1) / 2 - row)
        axes.text(x, height, text, color=colour, ha="center", va="center", bbox=box, zorder=2)


def _rows(values: Nested) -> list[str]:
    """A number, a vector in one line, a matrix in several; large ones shortened."""
    if not isinstance(values, tuple):
        return [number(values)]
    entries = _flat(values)
    if len(entries) > MOST_ENTRIES:
        return [f"{_shape(values)}: {number(entries[0])} … {number(entries[-1])}"]
    if len(entries) > 3 and len(set(entries)) == 1:
        return [f"{_shape(values)}: all {number(entries[0])}"]
    if values and isinstance(values[0], tuple):
        return [row for part in values for row in _rows(part)]
    written = [number(entry) for entry in entries]
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
