"""From a declared figure to the numbers of its picture: asks the lesson file, draws nothing."""

from __future__ import annotations

from functools import singledispatch
from typing import Any

from checks.grader.draw.figure import Fit, Graph, Losses, Net, Separation, Surface
from checks.grader.draw.network import graph_numbers, net_numbers
from checks.grader.draw.numbers import Numbers
from checks.grader.draw.subject import Subject
from checks.grader.draw.training import (
    fit_numbers,
    losses_numbers,
    separation_numbers,
    surface_numbers,
)


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
