"""Hints, one at a time; a small file remembers how far each function's have gone."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from checks.grader.language.lesson import load
from checks.grader.records.course import home, number
from checks.grader.records.files import write_text
from checks.grader.records.misuse import Misuse


def memory_of_hints() -> Path:
    return home() / ".course" / "hints.json"


def next_hint(stem: str, function: str, memory: Path | None = None) -> str:
    """The next hint of a function; after the last one, it again. Raises Misuse for no function.

    Where it cannot be noted that it was given, it is given all the same.
    """
    memory = memory or memory_of_hints()
    hints, shown = _hints_of(stem, function), _read(memory)
    index = min(shown.get(f"{stem}.{function}", 0), len(hints) - 1)
    more = "" if index + 1 < len(hints) else " This was the last."
    try:
        write_text(memory, json.dumps({**shown, f"{stem}.{function}": index + 1}, indent=1) + "\n")
    except Misuse as problem:
        more += f" (Next time it comes again: {problem}.)"
    return _told(stem, function, hints, index) + more


def hints_so_far(stem: str, function: str, memory: Path | None = None) -> list[str]:
    """The hints of a function that have been shown, the first one first. Raises Misuse."""
    hints = _hints_of(stem, function)
    count = min(_read(memory or memory_of_hints()).get(f"{stem}.{function}", 0), len(hints))
    return [_told(stem, function, hints, index) for index in range(count)]


def _told(stem: str, function: str, hints: Sequence[str], index: int) -> str:
    head = f"Hint {index + 1} of {len(hints)} for {function} (lesson {number(stem)})"
    return f"{head}: {hints[index]}"


def _hints_of(stem: str, function: str) -> Sequence[str]:
    exercises = {exercise.name: exercise for exercise in load(stem).exercises}
    if function not in exercises:
        raise Misuse(f"lesson {number(stem)} has no {function!r}; it has {', '.join(exercises)}")
    return exercises[function].hints


def _read(memory: Path) -> dict[str, int]:
    """What was shown so far; nothing if the file is missing or spoilt."""
    try:
        content = json.loads(memory.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    if not isinstance(content, dict):
        return {}
    return {key: value for key, value in content.items() if type(value) is int and value >= 0}
