"""A new lesson: its four files and a bank, which work at once and are to be rewritten."""

from __future__ import annotations

import re
from pathlib import Path

from checks.grader.author.stub import cut
from checks.grader.records.course import ROOT, number, stems

TEMPLATE = Path(__file__).with_name("template")


def new_lesson(name: str) -> tuple[Path, ...]:
    """Write lesson<next number>_<name>; the paths. Raises ValueError, FileExistsError."""
    if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
        raise ValueError(f"{name!r} is no name for a lesson: lower case, digits and _, as softmax")
    if any(stem.partition("_")[2] == name for stem in stems()):
        raise FileExistsError(f"there is a lesson {name} already")
    next_number = max(map(number, stems()), default=0) + 1
    stem = f"lesson{next_number}_{name}"
    title = name.replace("_", " ").capitalize()
    texts = {
        part.stem: part.read_text(encoding="utf-8")
        .replace("@NUMBER@", str(next_number))
        .replace("@STEM@", stem)
        .replace("@TITLE@", title)
        for part in TEMPLATE.glob("*.txt")
    }
    files = {
        ROOT / "solutions" / f"{stem}.py": texts["solution"],
        ROOT / "exercises" / f"{stem}.py": cut(texts["solution"]),
        ROOT / "checks" / f"{stem}.py": texts["check"],
        ROOT / "data" / f"{stem}.toml": texts["data"],
        ROOT / "checks" / "tests" / "bank" / f"{stem}.py": texts["bank"],
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return tuple(files)
