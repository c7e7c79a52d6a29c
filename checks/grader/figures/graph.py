"""The computation graph of one call: values forward, gradients backward."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from checks.grader.figures import recording
from checks.grader.figures.layout import Layout, layered
from checks.grader.figures.recorded import Recorded, is_cut_off, recorded
from checks.grader.figures.style import (
    FONT,
    GRADIENT,
    INK,
    LINE,
    POINTS_PER_INCH,
    QUIET,
    YOURS,
    number,
)
from checks.grader.figures.subject import Subject, Undrawable
from checks.grader.language import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Nested = float | tuple[Any, ...]
Line = tuple[str, str, str]  # text, colour, weight
#: Entries of a tensor that are written out; of a larger one, the first and the last.
ENTRIES_WRITTEN = 8
#: A tensor of more entries is not written out, not even in part.
MOST_ENTRIES = 4096
#: Characters in a line below a graph.
SENTENCE = 88


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
    is_slip: bool = False


@dataclass(frozen=True)
class GraphNumbers:
    """`whose` is what gave the gradients that differ: "your grad_by_hand", `slip` what gives them:
    made at the nodes with `is_slip`.
    """

    title: str
    root: str
    nodes: tuple[NodeNumbers, ...]
    note: str
    whose: str = "your grad_by_hand"
    slip: str = ""

    def picture(self) -> Figure:
        return draw(self)


def graph_numbers(wanted: figure.Graph, subject: Subject) -> GraphNumbers:
    """The named graph with values, gradients, the student's own. Raises Undrawable."""
    found = recorded(wanted, subject)
    nodes = tuple(_node(found, i) for i in range(len(found.shown)))
    title = subject.title(f"graph of {wanted.exercise} at {wanted.example}")
    return GraphNumbers(title, wanted.root, nodes, found.note, found.whose, found.slip)


def _node(found: Recorded, i: int) -> NodeNumbers:
    """The gradient of data is of no use, and left out."""
    node = found.shown[i]
    value = torch.tensor(float("nan")) if node.value is None else node.value
    grad, yours = found.compared(i) or (None, None)
    return NodeNumbers(
        recording.label(found.shown, i),
        plain(value),
        None if grad is None else plain(grad),
        None if yours is None else plain(yours),
        node.sources,
        not node.sources,
        is_cut_off(node) and i not in found.data,
        node.index in found.at,
    )


def plain(value: Tensor) -> Nested:
    """A number, or nested tuples of them. Raises Undrawable for very many."""
    if value.numel() > MOST_ENTRIES:
        raise Undrawable(f"a node of the graph holds {value.numel()} numbers")

    def frozen(part: Any) -> Nested:
        return tuple(map(frozen, part)) if isinstance(part, list) else float(part)

    return frozen(value.tolist())


def draw(numbers: GraphNumbers) -> Figure:
    """Boxes from left to right, as large as what stands in them."""
    from matplotlib.figure import Figure

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
    lines: list[Line] = [("✗ here", YOURS, "bold")] if node.is_slip else []
    lines.append((node.label, INK, "bold"))
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
        legend.append((f"yours ∂: what {numbers.whose} gives instead", YOURS, "bold"))
    if numbers.note:
        legend.append((numbers.note, YOURS, "bold"))
    legend += [(line, YOURS, "normal") for line in wrap(_marked(numbers), SENTENCE)]
    return legend


def _marked(numbers: GraphNumbers) -> str:
    """The slip in words, with the sign that its place bears in the picture."""
    sign = "✗ " if any(node.is_slip for node in numbers.nodes) else ""
    return f"{sign}{numbers.slip}" if numbers.slip else ""


def _box(lines: Sequence[Line]) -> tuple[float, float]:
    width = max(_width(text, 1.0, weight) for text, _, weight in lines)
    return width + 1.2 * FONT, LINE * len(lines) + 0.7 * FONT


def _width(text: str, scale: float = 1.0, weight: str = "bold") -> float:
    """The width of a text in points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import TextPath

    font = FontProperties(family="DejaVu Sans", size=FONT * scale, weight=weight)
    return float(TextPath((0, 0), text, size=FONT * scale, prop=font).get_extents().width) + 2.0


def _place(
    axes: Axes,
    node: NodeNumbers,
    lines: Sequence[Line],
    centre: tuple[float, float],
    size: tuple[float, float],
) -> None:
    from matplotlib.patches import FancyBboxPatch

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
            linewidth=2.8 if node.is_slip else 1.8 if node.yours is not None else 1.0,
        )
    )
    top = centre[1] + LINE * (len(lines) - 1) / 2
    for row, (text, colour, weight) in enumerate(lines):
        axes.text(
            centre[0], top - LINE * row, text, color=colour, weight=weight, ha="center", va="center"
        )


def _edges(axes: Axes, numbers: GraphNumbers, layout: Layout) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    cut_off = [node.is_cut_off for node in numbers.nodes]
    dashed = {edge: cut_off[edge[0]] or cut_off[edge[1]] for edge in layout.edges}
    for edge, points in sorted(layout.edges.items(), key=lambda item: not dashed[item[0]]):
        vertices, codes = [points[0]], [Path.MOVETO]
        for here, there in zip(points, points[1:], strict=False):
            middle = (here[0] + there[0]) / 2
            vertices += [(middle, here[1]), (middle, there[1]), there]
            codes += [Path.CURVE4] * 3
        style = "--" if dashed[edge] else "-"
        colour = QUIET if dashed[edge] else INK
        axes.add_patch(
            PathPatch(Path(vertices, codes), facecolor="none", edgecolor=colour, linestyle=style)
        )
        tip, wing = points[-1], 0.42 * FONT
        axes.fill(
            [tip[0], tip[0] - wing, tip[0] - wing],
            [tip[1], tip[1] + wing / 2, tip[1] - wing / 2],
            color=colour,
        )


def _rows(values: Nested) -> list[str]:
    """A number, a vector in one line, a matrix in several; large ones shortened."""
    if not isinstance(values, tuple):
        return [number(values)]
    entries = _flat(values)
    if len(entries) > ENTRIES_WRITTEN:
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
