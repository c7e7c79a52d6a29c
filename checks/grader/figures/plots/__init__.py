"""Numbers to pictures, with matplotlib; nothing else imports it.

Every picture is legible in grey: what colour tells is told by a line, a sign or a word too.
Legends stand below the axes, so that no value can push a label onto another.
"""

from __future__ import annotations

from functools import singledispatch
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from checks.grader.figures.numbers import (
    FitNumbers,
    GraphNumbers,
    LossesNumbers,
    NetNumbers,
    Numbers,
    SeparationNumbers,
    SurfaceNumbers,
)
from checks.grader.figures.plots.network import draw_graph, draw_net
from checks.grader.figures.plots.style import STYLE
from checks.grader.figures.plots.training import (
    draw_fit,
    draw_losses,
    draw_separation,
    draw_surface,
)


def picture(numbers: Numbers) -> Figure:
    """The picture of some numbers, not tied to any display."""
    with matplotlib.rc_context(STYLE):
        figure = _draw(numbers)
        FigureCanvasAgg(figure)
        return figure


@singledispatch
def _draw(numbers: Any) -> Figure:
    raise TypeError(numbers)


_draw.register(GraphNumbers, draw_graph)
_draw.register(NetNumbers, draw_net)
_draw.register(LossesNumbers, draw_losses)
_draw.register(SurfaceNumbers, draw_surface)
_draw.register(FitNumbers, draw_fit)
_draw.register(SeparationNumbers, draw_separation)
