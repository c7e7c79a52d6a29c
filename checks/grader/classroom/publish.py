"""Everything that comes out of a run but the results themselves, made from these."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.feedback import feedback
from checks.grader.classroom.gradebook import Gradebook
from checks.grader.classroom.page import write_page
from checks.grader.classroom.result import Unexplained, result_of
from checks.grader.classroom.run import Classroom, told
from checks.grader.classroom.tables import Canvas, Grades, Moodle
from checks.grader.records.files import write_text, written_whole
from checks.grader.records.misuse import Misuse

UNEXPLAINED = "its result does not say why points are missing"


def make_folders(out: Path) -> None:
    """The folders that results go to. Raises Misuse."""
    try:
        for name in ("results", "feedback"):
            (out / name).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Misuse(f"cannot make the folder {out}: {error.strerror}") from error


def publish(classroom: Classroom, entries: list[Entry], stems: Sequence[str]) -> Gradebook:
    """Write the tables, the pages to hand back and report.html.

    Each is written whatever becomes of the others. Raises Misuse at the end if one could not be.
    """
    out = classroom.out
    problems: list[str] = []
    with _output("the journal", problems):
        classroom.write_journal(entries)
    book = _read(classroom, entries, stems, problems)
    with _output("grades.csv", problems), written_whole(out / "grades.csv") as file:
        grades = Grades(file, stems)
        _each(grades.add, book)
    with _output("canvas.csv", problems), written_whole(out / "canvas.csv") as file:
        canvas = Canvas(file, stems, [book.most.get(stem, 0) for stem in stems])
        _each(canvas.add, book)
    with _output("moodle.csv", problems), written_whole(out / "moodle.csv") as file:
        moodle = Moodle(file)
        _each(moodle.add, book)
    with _output("report.html", problems), written_whole(out / "report.html") as file:
        write_page(book, classroom.rules, file)
    if problems:
        raise Misuse("; ".join(problems))
    return book


def _read(
    classroom: Classroom, entries: list[Entry], stems: Sequence[str], problems: list[str]
) -> Gradebook:
    """The class, added up; on the way everybody's page is written."""
    book = Gradebook(stems, isolation=classroom.isolation())
    read = set()
    for line, entry, report in classroom.reports(entries):
        try:
            result = result_of(report)
        except (Unexplained, KeyError, TypeError):
            classroom.lost[entry.student] = UNEXPLAINED
            continue
        book.add(line, entry, result)
        read.add(entry.student)
        path = classroom.out / "feedback" / entry.feedback_name
        with _output(f"feedback/{entry.feedback_name}", problems):
            _write_changed(path, feedback(entry, result, line.notes))
    for entry in entries:
        if entry.student not in read:
            classroom.forget(entry)
            book.add_lost(entry, classroom.lost.setdefault(entry.student, "run again"))
    book.lost = dict(sorted(classroom.lost.items()))
    return book


def _each(add: Callable[..., None], book: Gradebook) -> None:
    for row in sorted(book.rows, key=lambda row: row.entry.student):
        add(row)


def _write_changed(path: Path, text: str) -> None:
    with contextlib.suppress(OSError, ValueError):
        if path.read_text(encoding="utf-8") == text:
            return
    write_text(path, text)


@contextlib.contextmanager
def _output(name: str, problems: list[str]) -> Iterator[None]:
    """One file that is made from the results; what goes wrong with it is noted."""
    try:
        yield
    except Misuse as problem:
        problems.append(str(problem))
    except Exception as error:
        problems.append(f"{name} could not be made ({told(error)})")
