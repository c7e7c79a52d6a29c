"""Tables that the check files determine: the lessons in README.md, the mistakes in docs/.

Run as a program, by `make tables`. A test holds the files against what this module writes, so that
a new lesson edits no prose.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from checks.grader.author.claims import examples
from checks.grader.language.lesson import Lesson, Mistake, load
from checks.grader.records.course import ROOT, number, stems

README = ROOT / "README.md"
MISTAKES = ROOT / "docs" / "mistakes.md"
#: The lines of README.md between which the table of lessons stands.
BEGIN, END = "<!-- lessons: written by make tables -->\n", "<!-- end of lessons -->\n"
BANK = ROOT / "checks" / "tests" / "bank"
HEADER = re.compile(r"^# --- [^|]+\|\s*(\w+)", re.MULTILINE)

HEAD = """# The mistakes that have a name

Written by `make tables` from the lessons' check files; do not edit it by hand. The sentence is
the one that a student reads; where exercises say it in words of their own, the most frequent. How a
name is found, and when none is given, is told in [checker.md](checker.md).

| id | the student reads | lessons |
|---|---|---|
"""


def readme() -> str:
    """README.md with its table of lessons as it has to be."""
    before, _, rest = README.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    rows = ["| | lesson | you write | points |\n", "|---|---|---|---|\n"]
    for stem in stems():
        lesson = load(stem)
        functions = ", ".join(f"`{exercise.name}`" for exercise in lesson.exercises)
        points = sum(exercise.points for exercise in lesson.exercises)
        rows.append(f"| {number(stem)} | {lesson.title} | {functions} | {points} |\n")
    return before + BEGIN + "\n" + "".join(rows) + "\n" + END + after


def mistakes() -> str:
    """docs/mistakes.md as it has to be."""
    lessons = {stem: load(stem) for stem in stems()}
    rows = [f"| `{id}` | {says} | {where} |\n" for id, says, where in _mistakes(lessons)]
    return HEAD + "".join(rows) + "\n## How many\n\n" + "".join(_counts(lessons, len(rows)))


def _mistakes(lessons: dict[str, Lesson]) -> Iterator[tuple[str, str, str]]:
    """Id, sentence and lessons of every mistake, the most widespread first."""
    found: dict[str, list[tuple[str, Mistake]]] = {}
    for stem, lesson in lessons.items():
        for exercise in lesson.exercises:
            for mistake in exercise.mistakes:
                found.setdefault(mistake.id, []).append((stem, mistake))
    where = {id: sorted({number(stem) for stem, _ in places}) for id, places in found.items()}
    for id in sorted(found, key=lambda id: (-len(where[id]), id)):
        texts = Counter(mistake.says for _, mistake in found[id])
        says = min(texts, key=lambda text: (-texts[text], len(text), text))
        yield id, says.replace("|", r"\|"), " ".join(map(str, where[id]))


def _counts(lessons: dict[str, Lesson], names: int) -> Iterator[str]:
    """What the course consists of, in numbers."""
    exercises = [exercise for lesson in lessons.values() for exercise in lesson.exercises]
    points = sum(exercise.points for exercise in exercises)
    yield f"- {len(lessons)} lessons, {len(exercises)} exercises, {points} points\n"
    variants = sum(len(exercise.mistakes) for exercise in exercises)
    yield f"- {names} mistakes with a name, declared at {variants} places\n"
    claims = sum(
        len(lesson.claims) + len(list(examples(stem, lesson))) for stem, lesson in lessons.items()
    )
    yield f"- {claims} claims of the notes and worked examples, computed by `make solutions`\n"
    headers = [HEADER.findall(path.read_text("utf-8")) for path in sorted(BANK.glob("*.py"))]
    expected = [word for found in headers for word in found]
    right = expected.count("right")
    yield f"- {len(expected) - right} wrong and {right} right submissions in the checker's bank\n"


if __name__ == "__main__":
    MISTAKES.parent.mkdir(exist_ok=True)
    MISTAKES.write_text(mistakes(), encoding="utf-8")
    README.write_text(readme(), encoding="utf-8")
