"""Beginners' errors, each with what it must be told, and the way out that the words point to.

checks/tests/beginners/<stem>.txt holds those of one lesson, as replacements of functions of the
reference solution:

    === EXERCISE | what the beginner did
    status: wrong_method          the status, where it is the point
    says: one phrase ; another    all must be in the message
    never: a phrase ; another     none may be
    def …                         the code
    --- then                      the code after the words were followed, with says, never …
    def …                         the last code passes; `passes` alone says that the first does

Every code but the last has to be told something, and a phrase is a piece of the sentence that a
person needs to hear: what is empty, or offers a choice, is refused with a ValueError.

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
    says: tuple[str, ...]
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
    return [walk for path in sorted(FOLDER.glob("*.txt")) for walk in walks_of(path)]


def walks_of(path: Path) -> list[Walk]:
    """Those of one file."""
    found = []
    for block in re.split(r"^=== ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        head, _, rest = block.partition("\n")
        exercise, title = (part.strip() for part in head.split("|", 1))
        stages = tuple(map(_stage, re.split(r"^--- then\n", rest, flags=re.MULTILINE)))
        walk = Walk(path.stem, exercise, title, stages)
        found.append(checked(walk))
    return found


def checked(walk: Walk) -> Walk:
    """The walk itself; a ValueError for one that would assert nothing of its messages."""
    *wrong, last = walk.stages
    if not all(stage.says for stage in wrong):
        raise ValueError(f"{walk}: a wrong stage has to be told something")
    if last.says or last.never or (not wrong and last.status != "passed"):
        raise ValueError(f"{walk}: the last stage is to pass, and `passes` says it of a single one")
    return walk


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
    code = "\n".join(lines).strip("\n") + "\n"
    says, never = (_phrases(fields.get(name)) for name in ("says", "never"))
    return Stage(code, status or fields.get("status", ""), says, never, scope)


def _phrases(line: str | None) -> tuple[str, ...]:
    phrases = tuple(part.strip() for part in line.split(" ; ")) if line is not None else ()
    if not all(phrases) or any(" | " in f" {phrase} " for phrase in phrases):
        raise ValueError(f"a phrase is empty or offers a choice: {line!r}")
    return phrases
