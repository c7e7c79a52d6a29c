"""matching.csv: which file is whose and which lesson; written by a dry run, edited, given back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TextIO

from checks.grader.classroom.exports import Entry, Export, Part, unique
from checks.grader.classroom.shown import cell, cell_again, shown
from checks.grader.classroom.submission import Submission
from checks.grader.classroom.texts import decoded
from checks.grader.records import course
from checks.grader.records.misuse import Misuse
from checks.grader.running.intake import Unreadable

COLUMNS = ("file", "student", "lesson", "how sure", "why")


@dataclass(frozen=True)
class Said:
    """A line that a person has looked at: a file, whose it is, which lesson ("" for none).

    File and student as cells name them.
    """

    file: str
    student: str
    stem: str


def write_matching(
    found: Iterable[tuple[Entry, Submission]], ignored: Sequence[str], file: TextIO
) -> None:
    """A line for every file and lesson; last the files that are nobody's."""
    rows = csv.writer(file, lineterminator="\n")
    rows.writerow(COLUMNS)
    for entry, submission in found:
        for use in submission.uses:
            line = (use.path, entry.student, use.stem, use.sure, use.why)
            rows.writerow([cell(text) for text in line])
        if not submission.uses:
            rows.writerow(["", cell(entry.student), "", "", "nothing was handed in"])
    for name in ignored:
        rows.writerow([cell(name), "", "", "not used", "its name tells no student"])


def read_matching(path: Path) -> list[Said]:
    """The lines of a matching file. Raises Misuse, which names the line that is wrong."""
    try:
        text = decoded(path.read_bytes())
    except OSError as error:
        raise Misuse(f"cannot read {str(path)!r}: {error.strerror}") from error
    except Unreadable as error:
        raise Misuse(f"{path} {error}") from error
    text = text.removeprefix("\ufeff")
    mark = ";" if text.split("\n", 1)[0].count(";") > 1 else ","
    try:
        rows = list(csv.DictReader(io.StringIO(text, newline=""), delimiter=mark))
    except csv.Error as error:
        raise Misuse(f"{path} is no CSV file: {error}") from error
    said = []
    for number, row in enumerate(rows, 2):
        if row.get("file") is None or row.get("student") is None or row.get("lesson") is None:
            raise Misuse(f"{path}, line {number}: the columns file, student, lesson are needed")
        file, student = cell_again(row["file"]), cell_again(row["student"].strip())
        try:
            stem = course.find(row["lesson"].strip()) if row["lesson"].strip() else ""
        except LookupError as problem:
            raise Misuse(f"{path}, line {number}: {problem.args[0]}") from problem
        if file:
            said.append(Said(file, student, stem))
    return said


def reassigned(entries: Sequence[Entry], export: Export, said: Sequence[Said]) -> list[Entry]:
    """The entries after files were given to other students. Raises Misuse."""
    by_name = {cell(entry.student): entry for entry in entries}
    for line in said:
        part = export.part_of(line.file)
        if part is None:
            raise Misuse(f"the matching file names {line.file!r}, which is not there")
        owner = next((name for name, entry in by_name.items() if _has(entry, part)), None)
        if owner == line.student:
            continue
        if owner is not None:
            own = by_name[owner]
            by_name[owner] = replace(own, apart=own.apart | {line.file})
        if line.student:
            taken = by_name.get(line.student, Entry(shown(line.student)))
            piece = replace(part, only=line.file)
            by_name[line.student] = replace(
                taken, parts=(*taken.parts, piece), apart=taken.apart - {line.file}
            )
    return unique(list(by_name.values()))


def _has(entry: Entry, part: Part) -> bool:
    return any(own.origin == part.origin and not own.only for own in entry.parts)
