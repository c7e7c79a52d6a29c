"""Statuses, numbers and a student's text, in the words that every report uses."""

from __future__ import annotations

from typing import Any

from checks.grader.records.numbers import digits

MANY = 8  # entries of an input; of more the first three are shown
WORDS = {
    "wrong": "wrong",
    "not_started": "not started",
    "error": "error",
    "timeout": "time limit",
    "crashed": "crashed",
    "wrong_method": "wrong method",
    "course_error": "course error",
    "passed": "",
}


def safe(text: str, *, keep_lines: bool = False) -> str:
    """Text from a student without what a terminal would obey."""
    allowed = "\n" if keep_lines else ""
    return "".join(
        c if c.isprintable() or c in allowed else "�" if c != "\n" else " " for c in text
    )


def short(value: Any) -> str:
    """A number as a table shows it."""
    if value is None:
        return "—"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return safe(str(value))[:24]
    return digits(value, 6)


def readable(value: Any) -> str:
    """An input as a student would write it."""
    if isinstance(value, list):
        shown = [readable(item) for item in (value[:3] if len(value) > MANY else value)]
        rest = [f"… {len(value)} in all"] if len(value) > MANY else []
        return f"({', '.join([*shown, *rest])})"
    return safe(value)[:200] if isinstance(value, str) else short(value)
