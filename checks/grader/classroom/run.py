"""Grade a folder of submissions. Nothing is lost when the run is killed, nothing is graded twice.

Results are written one by one, as they come. What decides about them is noted in a journal, a line
for each, so that a run goes on where another one stopped. The table and the page are made from the
results at the end: a run that was interrupted ends with the same files as one that was not.
"""

from __future__ import annotations

import contextlib
import json
import secrets
import sys
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TextIO

from checks.grader.classroom.gradebook import Gradebook, Line, write_grades
from checks.grader.classroom.marking import Graded, Mode, Rules, grade, version_of_checks
from checks.grader.classroom.page import write_page
from checks.grader.classroom.pool import Pool
from checks.grader.classroom.progress import Progress
from checks.grader.classroom.roster import Entry, roster
from checks.grader.classroom.submission import Submission, open_submission
from checks.grader.records.files import written_whole
from checks.grader.records.misuse import Misuse

ATTEMPTS = 3


@dataclass
class Pending:
    """A submission that is being graded."""

    entry: Entry
    submission: Submission
    key: str
    attempt: int = 1


@dataclass
class Classroom:
    """One run: submissions in, results out.

    graded  what is done: by student, the line of the journal
    same    where a result of the same content lies
    lost    students whose process died again and again, so that they could not be graded
    """

    folder: Path
    out: Path
    rules: Rules
    progress: Progress
    graded: dict[str, Line] = field(default_factory=dict)
    same: dict[str, Entry] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)

    def run(self, entries: list[Entry], pool: Pool) -> None:
        """Grade every entry that has not been graded. At most pool.width are in memory."""
        self._resume(entries)
        waiting: dict[Future[Graded], Pending] = {}
        with open(self.out / JOURNAL, "a", encoding="utf-8") as journal:
            for entry in entries:
                pending = self._open(entry, journal)
                if pending is None:
                    continue
                if len(waiting) >= pool.width:
                    self._collect(waiting, pool, journal)
                waiting[self._submit(pool, pending)] = pending
            while waiting:
                self._collect(waiting, pool, journal)

    def _open(self, entry: Entry, journal: TextIO) -> Pending | None:
        """Read a submission; None if its result is there already."""
        submission = open_submission(self.folder / entry.name)
        key = self.rules.key(submission)
        known = self.graded.get(entry.student)
        if known is not None and known.key == key and self._result(entry).is_file():
            self.graded[entry.student] = _line(entry, submission, key, known.slow)
            self.progress.step(now=False)
            return None
        twin = self.same.get(key)
        if twin is not None:
            text = self._result(twin).read_text(encoding="utf-8")
            self._keep(
                Pending(entry, submission, key), text, self.graded[twin.student].slow, journal
            )
            return None
        return Pending(entry, submission, key)

    def _submit(self, pool: Pool, pending: Pending) -> Future[Graded]:
        return pool.submit(grade, pending.submission, self.rules)

    def _collect(self, waiting: dict[Future[Graded], Pending], pool: Pool, journal: TextIO) -> None:
        """Keep what is ready; what a dying process took with it is handed out again."""
        ready, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in ready:
            pending = waiting.pop(future)
            try:
                result = future.result()
            except (BrokenProcessPool, CancelledError, ConnectionError):
                pending.attempt += 1
                if pending.attempt > ATTEMPTS:
                    self.lost.append(pending.entry.student)
                else:
                    waiting[self._submit(pool, pending)] = pending
                continue
            slow = int(result.seconds / self.rules.time_limit)
            self._keep(pending, result.report, slow, journal)

    def _keep(self, pending: Pending, text: str, slow: int, journal: TextIO) -> None:
        """Write a result, then note that it is written."""
        entry = pending.entry
        with written_whole(self._result(entry)) as file:
            file.write(text)
        line = _line(entry, pending.submission, pending.key, slow)
        journal.write(_journal_line(line))
        journal.flush()
        self.graded[entry.student] = line
        self.same[pending.key] = entry
        self.progress.step()

    def _result(self, entry: Entry) -> Path:
        return self.out / "results" / entry.result_name

    def _resume(self, entries: list[Entry]) -> None:
        """Read the journal of an earlier run; its last line may be broken."""
        names = {entry.student: entry for entry in entries}
        with contextlib.suppress(FileNotFoundError):
            for line in _read_journal(self.out / JOURNAL):
                if line.student in names:
                    self.graded[line.student] = line
        for line in self.graded.values():
            entry = names[line.student]
            if self._result(entry).is_file():
                self.same[line.key] = entry
        self.write_journal(entries)

    def write_journal(self, entries: list[Entry]) -> None:
        """The journal in the order of the entries, each once."""
        with written_whole(self.out / JOURNAL) as file:
            for entry in entries:
                if entry.student in self.graded:
                    file.write(_journal_line(self.graded[entry.student]))

    def reports(self, entries: list[Entry]) -> Iterator[tuple[Line, Entry, dict[str, Any]]]:
        """The results, one at a time."""
        for entry in entries:
            line = self.graded.get(entry.student)
            if line is None:
                continue
            path = self._result(entry)
            try:
                report = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise Misuse(f"{path} cannot be read: delete it and run again") from error
            yield line, entry, report


JOURNAL = "journal.jsonl"
RUN = "run.json"


def prepare(
    folder: Path, out: Path, seed: int | None, time_limit: float, mode: Mode
) -> tuple[list[Entry], list[str], Rules]:
    """The entries, what was ignored, and the rules of the run. Raises Misuse."""
    try:
        entries, ignored = roster(folder, out)
    except OSError as error:
        raise Misuse(f"cannot read the folder {str(folder)!r}: {error.strerror}") from error
    if not entries:
        raise Misuse(
            f"no submissions in {str(folder)!r}: it takes a folder or a zip file per student"
        )
    try:
        (out / "results").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misuse(f"cannot make the folder {out}: {error.strerror}") from error
    rules = Rules(_seed(out, seed), time_limit, mode, version_of_checks())
    with written_whole(out / RUN) as file:
        json.dump({"seed": rules.seed, "checks": rules.checks}, file, indent=1)
        file.write("\n")
    return entries, ignored, rules


def publish(classroom: Classroom, entries: list[Entry]) -> Gradebook:
    """Write grades.csv and report.html from the results."""
    classroom.write_journal(entries)
    book = Gradebook()
    with written_whole(classroom.out / "grades.csv") as file:
        write_grades(classroom.reports(entries), book, file)
    book.lost = sorted(classroom.lost)
    with written_whole(classroom.out / "report.html") as file:
        write_page(book, classroom.rules, file)
    return book


def _seed(out: Path, seed: int | None) -> int:
    """The seed asked for, or of the run that is gone on with, or a fresh one."""
    if seed is not None:
        return seed
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads((out / RUN).read_text(encoding="utf-8"))["seed"])
    return secrets.randbelow(1 << 31)


def _line(entry: Entry, submission: Submission, key: str, slow: int) -> Line:
    notes = [entry.note] if entry.note else []
    notes += submission.notes
    if submission.refused:
        notes.append(f"not opened: {submission.refused}")
    for path in sorted(submission.problems):
        notes.append(f"{path} {submission.problems[path]}")
    return Line(entry.student, key, slow, tuple(notes))


def _journal_line(line: Line) -> str:
    return json.dumps(asdict(line)) + "\n"


def _read_journal(path: Path) -> Iterator[Line]:
    with open(path, encoding="utf-8", errors="replace") as file:
        for text in file:
            try:
                fields = json.loads(text)
                fields["notes"] = tuple(fields["notes"])
                yield Line(**fields)
            except (ValueError, TypeError, KeyError):
                print(f"a broken line of {path} is graded again", file=sys.stderr)
