"""A number as people read it."""

from __future__ import annotations


def digits(value: float, most: int) -> str:
    """At most so many digits, and a minus sign that is one; no −0."""
    return f"{value + 0.0:.{most}g}".replace("-", "−")
