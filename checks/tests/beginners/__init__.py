"""Beginners' errors, each with what it must be told, and the way out that the words point to.

checks/tests/beginners/<stem>.txt holds those of one lesson, as replacements of functions of the
reference solution:

    === EXERCISE | what the beginner did
    status: wrong_method          the status, where it is the point
    says: one phrase ; another    all must be in the message; `a | b` is either
    never: a phrase ; another     none may be
    def …                         the code
    --- then                      the code after the words were followed, with says, never …
    def …                         the last code passes; `passes` alone says that the first does

`whole` before the code means that the other functions of the solution call it too, `file` that the
code is the whole file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
FIELD = re.compile(r"(status|says|never): ?(.*)")


@dataclass(frozen=True)
class Stage:
    """One state of a student's function, and what is said of it. `scope`: part, whole, file."""

    code: str
    status: str
    says: tuple[tuple[str, ...], ...]
    never: tuple[str, ...]
    scope: str


@dataclass(frozen=True)
class Walk:
    """A beginner's error and the way out of it, stage by stage; the last passes."""

    stem: str
    exercise: str
    title: str
    stages: tuple[Stage, ...]

    def __str__(self) -> str:
        return f"{self.stem.split('_')[0]}-{self.exercise}-{self.title}"


def walks() -> list[Walk]:
    """All of them, in the order of the course."""
    return [walk for path in sorted(FOLDER.glob("*.txt")) for walk in _of(path)]


def _of(path: Path) -> list[Walk]:
    found = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, rest = block.partition("\n")
        exercise, title = (part.strip() for part in head.split("|", 1))
        stages = tuple(map(_stage, re.split(r"^--- then\n", rest, flags=re.MULTILINE)))
        found.append(Walk(path.stem, exercise, title, stages))
    return found


def _stage(text: str) -> Stage:
    fields: dict[str, str] = {}
    scope, status, lines = "part", "", text.split("\n")
    while lines:
        match = FIELD.match(lines[0])
        if match:
            fields[match[1]] = match[2]
        elif lines[0] in ("whole", "file"):
            scope = lines[0]
        elif lines[0] == "passes":
            status = "passed"
        else:
            break
        del lines[0]
    says = tuple(
        tuple(either.strip() for either in phrase.split(" | "))
        for phrase in fields.get("says", "").split(" ; ")
        if phrase.strip()
    )
    never = tuple(p.strip() for p in fields.get("never", "").split(" ; ") if p.strip())
    code = "\n".join(lines).strip("\n") + "\n"
    return Stage(code, status or fields.get("status", ""), says, never, scope)
