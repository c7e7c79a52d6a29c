"""Verify the course itself: the reference solutions on a device, and every claim of the notes."""

from __future__ import annotations

from collections.abc import Sequence

from checks.grader.report import Ink


def verify_course(stems: Sequence[str], device: str, seed: int, ink: Ink) -> int:
    """Print the solutions' results in both dtypes and the table of claims; 0 if all hold."""
    raise NotImplementedError
