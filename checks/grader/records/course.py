"""Where the course lies and what its lessons are called. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def stems() -> list[str]:
    """The lessons, in order: every checks/lesson*.py."""
    found = (path.stem for path in (ROOT / "checks").glob("lesson*_*.py"))
    return sorted(found, key=number)


def number(stem: str) -> int:
    """3 for lesson3_quadratic."""
    match = re.match(r"lesson(\d+)_", stem)
    return int(match.group(1)) if match else 0


def find(name: str) -> str:
    """The stem that `3`, `lesson3` or `lesson3_quadratic` names. Raises LookupError."""
    wanted = name.removesuffix(".py")
    for stem in stems():
        if wanted in (stem, stem.split("_")[0], str(number(stem))):
            return stem
    raise LookupError(f"there is no lesson {name!r}; the lessons are {', '.join(stems())}")


def find_all(names: Sequence[str]) -> list[str]:
    """The stems that names stand for, in the order of the course; all lessons for no name."""
    wanted = {find(name) for name in names} or set(stems())
    return [stem for stem in stems() if stem in wanted]
