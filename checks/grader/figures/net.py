"""The net of one call: units, and a weight on each line between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from checks.grader.figures import recording
from checks.grader.figures.hand import by_hand, entry_of
from checks.grader.figures.inside import record
from checks.grader.figures.style import FONT, GRADIENT, INK, YOURS, number
from checks.grader.figures.subject import Subject, Undrawable, close_to, finite, tensors
from checks.grader.language import figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: How far a weight is nudged to see what it moves.
NUDGE = 1e-6


@dataclass(frozen=True)
class NetNumbers:
    """`values` of the units by name; edges are (from, to, weight, gradient, yours)."""

    title: str
    layers: tuple[tuple[str, ...], ...]
    values: Mapping[str, float]
    targets: Mapping[str, float]
    edges: tuple[tuple[str, str, float, float, float | None], ...]
    loss: float
    note: str = ""

    def picture(self) -> Figure:
        return draw(self)


def net_numbers(wanted: figure.Net, subject: Subject) -> NetNumbers:
    """The units' values, the weights and their gradients. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    x, y, w = (inputs[name] for name in (wanted.inputs, wanted.targets, wanted.weights))
    call = (wanted.exercise, recording.MOVES, *inputs.values())
    nodes = _read(subject.answer(wanted.exercise, *call, driver=record))
    leaf = next((n for n in nodes if n.operation == "leaf" and _same(n.value, w)), None)
    if leaf is None or leaf.grad is None:
        raise Undrawable(f"no gradient arrives at {wanted.weights} in {wanted.exercise}")
    units = {name: i for i, name in enumerate(u for layer in wanted.layers[1:] for u in layer)}
    activations, edges = wiring(wanted, subject, x, w)
    note = _note(wanted, edges)  # of another wiring, the gradients by hand are no measure
    yours = {} if note else by_hand(wanted.hand, inputs, (wanted.weights,), subject)
    drawn = tuple(
        (a, b, weight, grad, _if_wrong(entry_of(yours, f"{wanted.weights}{i}"), leaf.grad[i - 1]))
        for i, ((a, b), weight, grad) in enumerate(
            zip(edges, w.tolist(), finite(leaf.grad).tolist(), strict=True), start=1
        )
    )
    loss = nodes[-1].value
    return NetNumbers(
        subject.title(f"the net, its {len(edges)} weights and their gradients"),
        wanted.layers,
        dict(zip((*wanted.layers[0], *units), [*x.tolist(), *activations.tolist()], strict=True)),
        dict(zip(wanted.layers[-1], y.tolist(), strict=True)),
        drawn,
        float("nan") if loss is None else loss.item(),
        note,
    )


def wiring(
    wanted: figure.Net, subject: Subject, x: Tensor, w: Tensor
) -> tuple[Tensor, tuple[tuple[str, str], ...]]:
    """The activations, and for each weight the units that it joins in the student's own code.

    A weight leads to the first unit that moves when it is nudged. There the sum's slope in a weight
    is the value at its other end, and of σ's inverse that slope is known.
    Raises Undrawable where no such unit is found.
    """
    nudged = [w, *(w + NUDGE * row for row in torch.eye(len(w), dtype=w.dtype))]
    answers = subject.answers(wanted.forward, [(x, each) for each in nudged], dtype="float64")
    base, *moved = (torch.cat([part.reshape(-1) for part in tensors(each)]) for each in answers)
    units = [unit for layer in wanted.layers[1:] for unit in layer]
    if len(base) != len(units):
        raise Undrawable(f"{wanted.forward} should return {len(units)} activations here")
    values = dict(zip((*wanted.layers[0], *units), [*x.tolist(), *base.tolist()], strict=True))
    edges = []
    for i, after in enumerate(moved):
        slopes = (torch.logit(after) - torch.logit(base)) / NUDGE
        reached = [unit for unit, slope in zip(units, slopes.tolist(), strict=True) if slope]
        ends = [
            (start, end)
            for start, end in _possible(wanted.layers, reached[:1])
            if abs(values[start] - slopes[units.index(end)].item()) < 1e-4
        ]
        if not ends:
            raise Undrawable(f"{wanted.weights}{i + 1} joins no two units in {wanted.forward}")
        edges.append(wanted.edges[i] if wanted.edges[i] in ends else ends[0])
    return base, tuple(edges)


def _possible(layers: Sequence[Sequence[str]], reached: Sequence[str]) -> Sequence[tuple[str, str]]:
    """The edges that may end at a unit: from every unit of the layer before."""
    return [
        (start, end)
        for before, layer in zip(layers, layers[1:], strict=False)
        for end in reached
        if end in layer
        for start in before
    ]


def _note(wanted: figure.Net, edges: Sequence[tuple[str, str]]) -> str:
    """A sentence if the student's wiring is another than the lesson's."""
    other = [
        f"{wanted.weights}{i} goes from {mine[0]} to {mine[1]}"
        for i, (mine, right) in enumerate(zip(edges, wanted.edges, strict=True), start=1)
        if mine != right
    ]
    return f"This is the wiring of your code: {', '.join(other)}." if other else ""


def _read(answer: object) -> tuple[recording.Node, ...]:
    try:
        return recording.read(answer)
    except recording.Malformed as problem:
        raise Undrawable(f"there is no graph: {problem}") from problem


def _same(value: Tensor | None, other: Tensor) -> bool:
    return value is not None and value.shape == other.shape and torch.allclose(value, other)


def _if_wrong(yours: Tensor | None, right: Tensor) -> float | None:
    """The student's number if it is not the right one."""
    return None if yours is None or close_to(yours, right) else yours.item()


def draw(numbers: NetNumbers) -> Figure:
    """Units in columns, a weight on each line between them."""
    from matplotlib.figure import Figure

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
    figure.text(0.03, 0.895, numbers.note, color=YOURS, weight="bold")
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
