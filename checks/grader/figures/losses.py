"""The losses of a training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

import torch

from checks.grader.figures.style import INK, YOURS, canvas, legend, number, tick_labels
from checks.grader.figures.subject import TOO_LARGE, Subject, Undrawable, tensors
from checks.grader.language import figure
from checks.grader.language.inputs import resolve
from checks.grader.records.answer import float64s

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Longer trainings have a logarithmic epoch axis, or their beginning could not be seen.
MANY_EPOCHS = 2000
#: A loss that is so many times the first one has diverged, and the picture ends above it.
FAR_ABOVE = 1e6
OFF_THE_TOP = 1e3


@dataclass(frozen=True)
class LossesNumbers:
    """`right` is empty where the student's losses are right; `unit` is "epoch" or "round"."""

    title: str
    losses: tuple[float, ...]
    right: tuple[float, ...]
    floor: tuple[float, str] | None
    unit: str = "epoch"

    def picture(self) -> Figure:
        return draw(self)


def losses_numbers(wanted: figure.Losses, subject: Subject) -> LossesNumbers:
    """The student's losses, and the right ones where they differ. Raises Undrawable."""
    inputs = subject.inputs(wanted)
    # as the lesson's program and check compute it: near 0 the two precisions differ much
    answer = subject.answer(wanted.exercise, *inputs.values(), dtype="float32")
    losses = tensors(answer)[-1].reshape(-1)
    if not bool(((losses > 0) & losses.isfinite()).any()):
        raise Undrawable(f"{wanted.exercise} returns no loss above 0")
    exercise = subject.exercise(wanted.exercise)
    right = float64s(exercise.truth(*(resolve(value) for value in inputs.values())))[-1]
    *_, unit = (name.removesuffix("s") for name in exercise.parameters)
    same = losses.shape == right.shape and torch.allclose(losses, right, rtol=1e-3, atol=1e-6)
    return LossesNumbers(
        subject.title(f"training, {len(right)} {unit}s"),
        tuple(losses.tolist()),
        () if same else tuple(right.tolist()),
        wanted.floor,
        unit,
    )


def draw(numbers: LossesNumbers) -> Figure:
    """Losses over epochs, the right ones dashed where they differ."""
    from matplotlib.ticker import LogLocator

    rows = 1 + bool(numbers.right) + bool(numbers.floor)
    figure, axes = canvas(numbers.title, (8.0, 4.6 + 0.25 * rows), rows)
    epochs = range(1, len(numbers.losses) + 1)
    losses = _drawable(numbers.losses)
    axes.plot(epochs, losses, color=YOURS, linewidth=2.2, label=_label(numbers))
    right = _drawable(numbers.right)
    if right:
        label = f"as it should be, exactly: last {number(numbers.right[-1])}"
        axes.plot(range(1, len(right) + 1), right, "--", color=INK, linewidth=1.6, label=label)
    if numbers.floor:
        height, why = numbers.floor
        axes.axhline(height, color=INK, linestyle=":", linewidth=1.6, label=why)
    axes.set_yscale("log")
    first = max([*numbers.losses[:1], *right[:1]])
    if diverges_at(numbers.losses) and math.isfinite(first) and first > 0:
        axes.set_ylim(top=OFF_THE_TOP * first)
    low, high = axes.get_ylim()
    axes.yaxis.set_major_locator(LogLocator(numticks=9))
    if math.log10(high / low) < 3:
        axes.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0), numticks=9))
    tick_labels(axes.yaxis, low, high)
    if len(numbers.losses) > MANY_EPOCHS:
        axes.set_xscale("log")
        tick_labels(axes.xaxis, 1, len(numbers.losses))
    axes.set_xlabel(numbers.unit)
    axes.set_ylabel("loss (log scale)")
    axes.grid(True, which="major", color="#e3e3e3")
    legend(figure, axes)
    return figure


def diverges_at(losses: Sequence[float]) -> int:
    """The first epoch, from 1, whose loss is far above the first one and never comes back; or 0."""
    bound = FAR_ABOVE * max(losses[0], 1e-6)
    far = sum(1 for _ in takewhile(lambda loss: not loss <= bound, reversed(losses)))
    return len(losses) - far + 1 if far else 0


def _label(numbers: LossesNumbers) -> str:
    first, last = number(numbers.losses[0]), number(numbers.losses[-1])
    epoch = diverges_at(numbers.losses)
    if not epoch:
        return f"loss: first {first}, last {last}"
    return f"loss: first {first}, beyond all bounds from {numbers.unit} {epoch} on"


def _drawable(values: Sequence[float]) -> list[float]:
    """Values that a logarithm has; the others leave a gap."""
    return [value if 0 < value < TOO_LARGE**4 else math.nan for value in values]
