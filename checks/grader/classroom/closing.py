"""The last line of a run: for whom no code was run, and why."""

from __future__ import annotations

from checks.grader.classroom.gradebook import Gradebook

NAMES = 200


def last_line(book: Gradebook) -> str:
    """One line that leaves no point lost without a word."""
    groups: dict[str, list[str]] = {}
    for row in book.rows:
        for reason in row.reasons:
            groups.setdefault(reason, []).append(row.entry.student)
    said, room = [], NAMES
    for reason, students in sorted(groups.items(), key=lambda item: (-len(item[1]), item[0])):
        names = students[: max(0, room)]
        room -= len(names)
        more = len(students) - len(names)
        rest = [f"{more} more, named in grades.csv"] if more else []
        said.append(f"{reason} ({', '.join([*names, *rest])})")
    lost = [f"{student}: {reason}" for student, reason in book.lost.items()]
    parts = [f"Not graded, run the same command again: {'; '.join(lost)}."] if lost else []
    if said:
        parts.append(f"No code was run: {'; '.join(said)}.")
    whole = "Every other point lost" if parts else "Every point lost"
    parts.append(f"{whole} has a verdict on the code that was run.")
    return " ".join(parts)
