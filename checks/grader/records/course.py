"""Where the course lies and what its lessons are called. Imports nothing heavy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

CHECKS = Path(__file__).resolve().parents[2]
#: What is on the import path: the repository, a student's copy of it, or site-packages.
ROOT = CHECKS.parent
#: What lies beside checks/ in the repository; a wheel carries it inside.
CARRIED = CHECKS / "course" if (CHECKS / "course").is_dir() else ROOT
DATA = CARRIED / "data"


def home() -> Path:
    """The folder of the student at work: this one or one above it that has exercises/, or ROOT."""
    try:
        here = Path.cwd()
    except OSError:  # the folder is gone
        return ROOT
    for folder in (here, *here.parents, ROOT):
        if any((folder / "exercises").glob("lesson*_*.py")):
            return folder
    return here


def lacks_torch() -> str:
    """One line for a Python without PyTorch, mostly one outside .venv; "" where there is one."""
    if find_spec("torch") is not None:
        return ""
    ready = (home() / ".venv" / "bin" / "python").exists()
    return "this Python has no PyTorch; the course's own has: " + (
        "source .venv/bin/activate, or make check" if ready else "make check sets it up in .venv"
    )


def stems() -> list[str]:
    """The lessons, in order: every checks/lesson*.py."""
    found = (path.stem for path in CHECKS.glob("lesson*_*.py"))
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
