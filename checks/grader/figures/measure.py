"""From a declared figure to the numbers of its picture: asks the lesson file, draws nothing."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from checks.grader.figures.network import graph_numbers, net_numbers
from checks.grader.figures.numbers import Numbers
from checks.grader.figures.subject import Subject
from checks.grader.figures.training import (
    fit_numbers,
    losses_numbers,
    separation_numbers,
    surface_numbers,
)
from checks.grader.language.figure import Fit, Graph, Losses, Net, Separation, Surface


@singledispatch
def measure(wanted: Any, subject: Subject) -> Numbers:
    """The numbers of one figure of one lesson file. Raises Undrawable."""
    raise TypeError(wanted)


measure.register(Graph, graph_numbers)
measure.register(Net, net_numbers)
measure.register(Losses, losses_numbers)
measure.register(Surface, surface_numbers)
measure.register(Fit, fit_numbers)
measure.register(Separation, separation_numbers)
