"""What all pictures share: ink, letters, how a number is written."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

INK = "#1a1a1a"
GRADIENT = "#b3001b"
YOURS = "#0b5394"
QUIET = "#8a8a8a"
FONT = 12.0
LINE = 1.35 * FONT
POINTS_PER_INCH = 72.0
STYLE: Any = {
    "font.family": "DejaVu Sans",
    "font.size": FONT,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": INK,
    "axes.unicode_minus": True,
    "svg.hashsalt": "backprop-exercises",
    "svg.fonttype": "path",
    "text.parse_math": False,  # a student's name may hold a $
    "figure.facecolor": "white",
}
RAISED = str.maketrans("−0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def canvas(title: str, size: tuple[float, float], rows: int) -> tuple[Figure, Axes]:
    """A figure with a title above and room for a legend below one pair of axes."""
    figure = Figure(figsize=size)
    foot = (rows * 1.55 * FONT + 4.6 * FONT) / (size[1] * POINTS_PER_INCH)
    axes = figure.add_axes((0.12, foot, 0.84, 0.9 - foot))
    figure.text(0.03, 0.945, title, fontsize=1.15 * FONT, weight="bold")
    return figure, axes


def legend(figure: Figure, axes: Axes) -> None:
    """Below the axes, at the left margin."""
    handles, labels = axes.get_legend_handles_labels()
    figure.legend(
        handles,
        labels,
        loc="lower left",
        bbox_to_anchor=(0.03, 0.005),
        frameon=False,
        markerscale=0.7,
    )


def number(value: float) -> str:
    """Four digits, with a true minus sign and powers of ten as one writes them."""
    digits, _, power = f"{value + 0.0:.4g}".replace("-", "−").partition("e")
    if not power:
        return digits
    return f"{digits}·10{power.replace('+', '').replace('−0', '−').lstrip('0').translate(RAISED)}"
