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
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, TextIO

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.gradebook import Line
from checks.grader.classroom.lock import JOURNAL
from checks.grader.classroom.marking import (
    Differs,
    Graded,
    Mode,
    NotGraded,
    Rules,
    Unsafe,
    grade,
    version_of_checks,
)
from checks.grader.classroom.pool import Gone, Pool
from checks.grader.classroom.progress import Progress
from checks.grader.classroom.submission import Submission
from checks.grader.records.files import write_text, written_whole
from checks.grader.records.misuse import Misuse
from checks.grader.reports.words import safe

ATTEMPTS = 2  # to grade a submission alone, after a process died of it or beside it
PATIENCE = 5.0  # seconds between two looks at whether somebody is left to grade
#: What comes of handing a submission out.
Result = Future["Graded | NotGraded"]


@dataclass
class Pending:
    """A submission that is being graded."""

    entry: Entry
    submission: Submission
    key: str


@dataclass
class Classroom:
    """One run: submissions in, results out.

    intake  reads what a student handed in
    graded  what is done: by student, the line of the journal
    same    where a result of the same content lies
    lost    who could not be graded, wholly or in part, and why
    suspects  what a process of the judge died of, perhaps
    """

    intake: Callable[[Entry], Submission]
    out: Path
    rules: Rules
    progress: Progress
    graded: dict[str, Line] = field(default_factory=dict)
    same: dict[str, Entry] = field(default_factory=dict)
    lost: dict[str, str] = field(default_factory=dict)
    suspects: list[Pending] = field(default_factory=list)

    def run(self, entries: list[Entry], pool: Pool) -> None:
        """Grade every entry that has not been graded. At most pool.width are in memory.

        Nothing that one submission does ends the run: whoever cannot be graded is in `lost`.
        """
        self._resume(entries)
        try:
            with _journal(self.out / JOURNAL) as journal:
                self._hand_out(entries, pool, journal)
        except Gone as end:
            for entry in entries:
                if entry.student not in self.graded:
                    self.lost.setdefault(entry.student, str(end))

    def _hand_out(self, entries: list[Entry], pool: Pool, journal: TextIO) -> None:
        waiting: dict[Result, Pending] = {}
        for entry in entries:
            pending = self._opened(entry, journal)
            if pending is None:
                continue
            if len(waiting) >= pool.width:
                self._collect(waiting, pool, journal)
            waiting[pool.submit(grade, pending.submission, self.rules)] = pending
        while waiting:
            self._collect(waiting, pool, journal)
        for pending in self.suspects:
            self._alone(pending, pool, journal)

    def _opened(self, entry: Entry, journal: TextIO) -> Pending | None:
        """Read a submission; None if it needs no grading, or cannot be read."""
        try:
            return self._open(entry, journal)
        except Exception as error:
            self.lost[entry.student] = f"it could not be read ({told(error)})"
            self.graded.pop(entry.student, None)
            self.progress.step()
            return None

    def _open(self, entry: Entry, journal: TextIO) -> Pending | None:
        """Read a submission; None if its result is there already."""
        submission = self.intake(entry)
        key = self.rules.key(submission)
        known = self.graded.get(entry.student)
        if known is not None and known.key == key and self._result(entry).is_file():
            self.graded[entry.student] = replace(known, notes=_notes(entry, submission))
            self.progress.step(now=False)
            return None
        twin = self.same.get(key)
        if twin is not None:
            text = self._result(twin).read_text(encoding="utf-8")
            line = self.graded[twin.student]
            line = replace(line, student=entry.student, notes=_notes(entry, submission))
            self._keep(entry, line, text, journal)
            return None
        return Pending(entry, submission, key)

    def _collect(self, waiting: dict[Result, Pending], pool: Pool, journal: TextIO) -> None:
        """Keep what is ready. Raises Gone."""
        ready: set[Result] = set()
        while not ready:
            ready, _ = wait(waiting, PATIENCE, FIRST_COMPLETED)
            if not ready and pool.gone():
                raise Gone(pool.gone())
        for future in ready:
            pending = waiting.pop(future)
            try:
                self._take(pending, future.result(), journal)
            except (Unsafe, Differs):
                raise
            except Exception:  # a process that died took its neighbours' work with it
                self.suspects.append(pending)

    def _alone(self, pending: Pending, pool: Pool, journal: TextIO) -> None:
        """Grade while nobody else is, so that it is clear whose the end of a process is."""
        said = ""
        for _ in range(ATTEMPTS):
            future = pool.submit(grade, pending.submission, self.rules)
            while not wait([future], PATIENCE).done:
                if pool.gone():
                    raise Gone(pool.gone())
            try:
                return self._take(pending, future.result(), journal)
            except (Unsafe, Differs):
                raise
            except Exception as error:
                said = told(error)
        self.lost[pending.entry.student] = f"the judge's process ended each time ({said})"
        return None

    def _take(self, pending: Pending, result: Graded | NotGraded, journal: TextIO) -> None:
        """Keep a result, or why there is none."""
        student = pending.entry.student
        if isinstance(result, NotGraded):
            self.lost[student] = safe(result.reason)
            self.graded.pop(student, None)
            self.progress.step()
            return
        line = Line(
            student,
            "" if result.unjudged else pending.key,
            int(result.seconds / self.rules.time_limit),
            (*_notes(pending.entry, pending.submission), *result.unjudged),
            result.isolation.sentence,
        )
        if result.unjudged:
            self.lost[student] = "; ".join(result.unjudged)
        self._keep(pending.entry, line, result.report, journal)

    def _keep(self, entry: Entry, line: Line, text: str, journal: TextIO) -> None:
        """Write a result, then note that it is written."""
        self.progress.step()
        try:
            write_text(self._result(entry), text)
            journal.write(_journal_line(line))
            journal.flush()
        except (Misuse, OSError, ValueError) as error:
            self.lost[entry.student] = f"its result could not be kept: {told(error)}"
            return
        self.graded[entry.student] = line
        self.same[line.key] = entry

    def _result(self, entry: Entry) -> Path:
        return self.out / "results" / entry.result_name

    def _resume(self, entries: list[Entry]) -> None:
        """Read the journal of an earlier run; its last line may be broken."""
        names = {entry.student: entry for entry in entries}
        with contextlib.suppress(FileNotFoundError):
            for line in _read_journal(self.out / JOURNAL):
                if line.student in names:
                    self.graded[line.student] = line
                else:
                    self.forget(Entry(line.student))
        for line in self.graded.values():
            entry = names[line.student]
            if self._result(entry).is_file():
                self.same[line.key] = entry
        self.write_journal(entries)

    def forget(self, entry: Entry) -> None:
        """Remove what an earlier run left of a student."""
        with contextlib.suppress(OSError):
            self._result(entry).unlink(missing_ok=True)
            (self.out / "feedback" / entry.feedback_name).unlink(missing_ok=True)

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
            try:
                report = json.loads(self._result(entry).read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                self.lost[entry.student] = f"its result cannot be read ({told(error)})"
                with contextlib.suppress(OSError):  # so that the next run writes it anew
                    self._result(entry).unlink()
                continue
            yield line, entry, report

    def isolation(self) -> str:
        """What held, for whom: one sentence for all, or who had which."""
        by_sentence: dict[str, list[str]] = {}
        for student in sorted(self.graded):
            by_sentence.setdefault(self.graded[student].isolation, []).append(student)
        if len(by_sentence) < 2:
            return "".join(by_sentence)
        return " ".join(
            f"{sentence or 'Isolation unknown.'} (For {_some(students)}.)"
            for sentence, students in sorted(by_sentence.items(), key=lambda item: len(item[1]))
        )


RUN = "run.json"


def prepare(
    out: Path, stems: Sequence[str], seed: int | None, time_limit: float, mode: Mode, graphs: bool
) -> Rules:
    """The rules of the run, noted for the next one. Raises Misuse."""
    rules = Rules(_seed(out, seed), time_limit, mode, version_of_checks(), tuple(stems), graphs)
    write_text(out / RUN, json.dumps({"seed": rules.seed, "checks": rules.checks}, indent=1) + "\n")
    return rules


def told(error: Exception) -> str:
    """An exception in one line."""
    text = safe(" ".join(str(error).split()))[:200]
    return text if isinstance(error, Misuse) else f"{type(error).__name__}: {text}".strip(": ")


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def _seed(out: Path, seed: int | None) -> int:
    """The seed asked for, or of the run that is gone on with, or a fresh one."""
    if seed is not None:
        return seed
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return int(json.loads((out / RUN).read_text(encoding="utf-8"))["seed"])
    return secrets.randbelow(1 << 31)


@contextmanager
def _journal(path: Path) -> Iterator[TextIO]:
    """The journal, to go on with. Raises Misuse."""
    try:
        file = open(path, "a", encoding="utf-8")  # noqa: SIM115
    except OSError as error:
        raise Misuse(f"cannot write {path}: {error.strerror}") from error
    try:
        yield file
    finally:
        with contextlib.suppress(OSError):  # a full disk has been told, line by line
            file.close()


def _notes(entry: Entry, submission: Submission) -> tuple[str, ...]:
    notes = [entry.note] if entry.note else []
    notes += submission.notes
    return tuple(map(safe, notes))


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
