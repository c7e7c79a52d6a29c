"""From a declared figure to the numbers of its picture. Each picture has a file of its own."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from checks.grader.figures.fit import FitNumbers, fit_numbers
from checks.grader.figures.graph import GraphNumbers, graph_numbers
from checks.grader.figures.losses import LossesNumbers, losses_numbers
from checks.grader.figures.net import NetNumbers, net_numbers
from checks.grader.figures.separation import SeparationNumbers, separation_numbers
from checks.grader.figures.subject import Subject
from checks.grader.figures.surface import SurfaceNumbers, surface_numbers
from checks.grader.language.figure import Figure, Fit, Graph, Losses, Net, Separation, Surface

#: All that a picture shows, as plain numbers and text. It is what tests hold against golden values
#: and what a picture carries inside its file; its `picture()` draws it with matplotlib.
Numbers = (
    GraphNumbers | NetNumbers | LossesNumbers | SurfaceNumbers | FitNumbers | SeparationNumbers
)

MEASURES: Mapping[type[Any], Callable[[Any, Subject], Numbers]] = {
    Graph: graph_numbers,
    Net: net_numbers,
    Losses: losses_numbers,
    Surface: surface_numbers,
    Fit: fit_numbers,
    Separation: separation_numbers,
}


def measure(wanted: Figure, subject: Subject) -> Numbers:
    """The numbers of one figure of one lesson file: asks it, draws nothing. Raises Undrawable."""
    return MEASURES[type(wanted)](wanted, subject)
