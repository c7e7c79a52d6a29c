"""Classes of made-up students for the tests and for the bench: right, wrong, unfinished, broken."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from checks.grader.records.course import ROOT, stems
from checks.tests.submissions import Patch, bank, patched, solution

BROKEN = (
    "while True:\n    pass\n",
    "import os\nos._exit(0)\n",
    "def forward(:\n",
    "raise RuntimeError('at import')\n",
)


def write_class(
    folder: Path, size: int, *, lessons: Sequence[str] = (), broken: float = 0.01
) -> None:
    """Write <folder>/student0001/… The same class for the same size.

    broken   the share of students one of whose files loops, crashes or cannot be imported
    """
    dice = random.Random(size)
    taken = list(lessons) or stems()
    wrong = {stem: [p for p in bank(stem) if p.status in ("wrong", "error")] for stem in taken}
    breaking = set(dice.sample(range(size), round(broken * size)))
    for i in range(size):
        student = folder / f"student{i:05}"
        student.mkdir(parents=True)
        for stem in taken:
            text = _lesson(dice, stem, wrong[stem])
            (student / f"{stem}.py").write_text(f"# {i}\n{text}", encoding="utf-8")
        if i in breaking:
            text = BROKEN[dice.randrange(len(BROKEN))]
            (student / f"{dice.choice(taken)}.py").write_text(text, encoding="utf-8")


def _lesson(dice: random.Random, stem: str, wrong: Sequence[Patch]) -> str:
    """Half of the lessons are right, a third has one mistake, the rest is not begun."""
    kind = dice.random()
    if kind < 0.5 or (kind < 5 / 6 and not wrong):
        return solution(stem)
    if kind < 5 / 6:
        patch = dice.choice(wrong)
        return patched(stem, patch.exercise, patch.code)
    return (ROOT / "exercises" / f"{stem}.py").read_text(encoding="utf-8")
