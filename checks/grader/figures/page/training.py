"""A training that can be played: its losses, and where there is one, its path over the loss."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, TypeVar

from checks.grader.figures.losses import LossesNumbers, losses_numbers
from checks.grader.figures.path import stops_of
from checks.grader.figures.subject import Subject, Undrawable
from checks.grader.figures.surface import surface_numbers
from checks.grader.language import figure

MOST_EPOCHS = 1000
Playable = TypeVar("Playable", figure.Losses, figure.Surface)


def training_of(subject: Subject) -> dict[str, Any] | None:
    """The losses and the path of the lesson's training, None if there is nothing to play."""
    wanted = next((one for one in subject.lesson.figures if isinstance(one, figure.Losses)), None)
    if wanted is None:
        return None
    try:
        losses = losses_numbers(_shorter(wanted, subject), subject)
    except Undrawable as reason:
        return {"problem": str(reason)}
    return {**_sampled(losses), "path": _path(subject)}


def _shorter(wanted: Playable, subject: Subject) -> Playable:
    """The same training with at most so many epochs that nobody waits for the page."""
    *_, (name, epochs) = subject.inputs(wanted).items()
    return replace(wanted, given={**wanted.given, name: min(epochs, MOST_EPOCHS)})


def _sampled(losses: LossesNumbers) -> dict[str, Any]:
    """The losses of the epochs after which a path is looked at; none is left after the last."""
    stops = stops_of(len(losses.losses))
    epochs = stops[:-1]
    return {
        "unit": losses.unit,
        "epochs": stops,
        "losses": [_plain(losses.losses[epoch]) for epoch in epochs],
        "right": [_plain(losses.right[epoch]) for epoch in epochs if epoch < len(losses.right)],
        "last": _plain(losses.losses[-1]),
        "floor": losses.floor,
    }


def _plain(number: float) -> float | None:
    """A number that JSON has."""
    return float(f"{number:.7g}") if abs(number) < 1e300 else None


def _path(subject: Subject) -> dict[str, Any] | None:
    """The path over a quadratic loss, whose contours are ellipses."""
    wanted = next((one for one in subject.lesson.figures if isinstance(one, figure.Surface)), None)
    if wanted is None:
        return None
    try:
        found = surface_numbers(_shorter(wanted, subject), subject)
    except Undrawable as reason:
        return {"problem": str(reason)}
    return {
        "axes": found.axes,
        "others": found.others,
        "points": [[float(f"{x:.6g}") for x in point] for point in found.path],
        "minimum": found.minimum,
        "least": found.least,
        "curvature": found.curvature,
    }
