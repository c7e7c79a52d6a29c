"""Who is graded on what: the export, the roster, the corrected matching, the lessons."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from checks.grader.classroom.exports import Entry, Export
from checks.grader.classroom.matchfile import read_matching, reassigned
from checks.grader.classroom.roster import enrolled, read_roster
from checks.grader.classroom.submission import Submission
from checks.grader.records.misuse import Misuse


@dataclass(frozen=True)
class Enrolment:
    """A class that hands in some lessons.

    given    what a person said of files, by where they lie: the lesson, "" for none
    ignored  files that are nobody's, by their names
    """

    export: Export
    entries: list[Entry]
    stems: list[str]
    given: dict[str, str]
    ignored: list[str]

    @classmethod
    def open(
        cls, source: Path, out: Path, stems: list[str], roster: str | None, match: str | None
    ) -> Enrolment:
        """Look at a folder or an archive. Raises Misuse."""
        if os.path.realpath(source) == os.path.realpath(out):
            raise Misuse(f"results go to a folder of their own, and not among {str(source)!r}")
        people = read_roster(Path(roster)) if roster else []
        said = read_matching(Path(match)) if match else []
        try:
            export = Export(source, out)
        except (OSError, RuntimeError) as error:  # RuntimeError: a link to itself
            why = error.strerror if isinstance(error, OSError) else error
            raise Misuse(f"cannot read the folder {str(source)!r}: {why}") from error
        entries = enrolled(export.entries, people) if roster else export.entries
        entries = reassigned(entries, export, said)
        if not entries:
            raise Misuse(
                f"no submissions in {str(source)!r}: it takes a folder or an archive per student, "
                "or the export of a learning platform"
            )
        given = {line.file: line.stem for line in said}
        known = {export.part_of(line.file) for line in said if line.student}
        ignored = [
            name for name in export.ignored if name not in {part.name for part in known if part}
        ]
        return cls(export, entries, stems, given, ignored)

    def submission(self, entry: Entry) -> Submission:
        """Read what a student handed in."""
        return self.export.submission(entry, self.stems, self.given)

    def read(self) -> Iterator[tuple[Entry, Submission]]:
        """Everybody's files, one student at a time."""
        return ((entry, self.submission(entry)) for entry in self.entries)

    def close(self) -> None:
        self.export.close()
