"""The path of a training through its parameters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from checks.grader.figures.inside import walk
from checks.grader.figures.subject import Subject, Undrawable, tensors
from checks.grader.language import figure

#: A path is drawn through at most so many points.
MOST_POINTS = 120


def stops_of(epochs: int) -> list[int]:
    """After which epochs a training is looked at: the beginning closely, the end now and then."""
    if epochs < MOST_POINTS:
        return list(range(epochs + 1))
    stops = torch.linspace(0, 1, MOST_POINTS).pow(3).mul(epochs).ceil().int().unique()
    return [int(stop) for stop in stops]


def path_of(
    wanted: figure.Surface, inputs: Mapping[str, Any], subject: Subject
) -> tuple[Tensor, int]:
    """The parameters at the start and after more and more epochs, shape (k, p), and the epochs.

    Raises Undrawable.
    """
    *_, epochs = inputs.values()
    stops = stops_of(epochs)
    counts = [b - a for a, b in zip(stops, stops[1:], strict=False)]
    path = path_at(wanted, inputs, counts, subject)
    if path.ndim != 2 or len(path) != len(counts) + 1:
        raise Undrawable(f"{wanted.exercise} does not return its parameters")
    return path, epochs


def path_at(
    wanted: figure.Surface | figure.Fit,
    inputs: Mapping[str, Any],
    counts: Sequence[int],
    subject: Subject,
) -> Tensor:
    """The parameters at the start and after each further count of epochs. Raises Undrawable."""
    exercise = subject.exercise(wanted.exercise)
    names = list(exercise.parameters)
    places = [names.index(quantity) for quantity in exercise.quantities if quantity in names]
    call = (wanted.exercise, places, list(counts), *inputs.values())
    return tensors(subject.answer(wanted.exercise, *call, driver=walk))[0]
