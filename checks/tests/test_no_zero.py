"""No zero without a reason: a point lost has a verdict on code that was run, or a sentence."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from checks.grader.classroom.closing import last_line
from checks.grader.classroom.contents import Read
from checks.grader.classroom.exports import Entry
from checks.grader.classroom.gradebook import Gradebook, Line, Row
from checks.grader.classroom.matching import Code, Match, NoCode
from checks.grader.classroom.result import (
    STATUS,
    LessonResult,
    Result,
    Unexplained,
    as_json,
    not_handed_in,
    result_of,
    told_together,
)
from checks.grader.classroom.submission import Submission
from checks.grader.records.course import stems
from checks.grader.records.verdict import LessonReport, Report, Settings, Verdict
from checks.tests.ways import FULL, STUB

NAMES = ("lesson1_linear.py", "lesson2.py", "a/hw.py", "x.ipynb", "notes.txt", "p.docx", "old.rar")
TEXTS = (FULL, STUB, "", "def forward(x, w):\n    return 1\n", "\x00\x01", "{}", "é")

files = st.dictionaries(st.sampled_from(NAMES), st.sampled_from(TEXTS))
statuses = st.sampled_from(sorted(STATUS) + ["passed"])


@settings(max_examples=60, deadline=None)
@given(files, st.lists(st.sampled_from(["w.rar was not opened: why", ""]), max_size=1), st.data())
def test_whatever_is_handed_in_every_point_lost_has_a_word(
    handed_in: dict[str, str], troubles: list[str], data: st.DataObject
) -> None:
    read = [Read(name, text.encode("utf-16" if text == "é" else "utf-8")) for name, text in
            handed_in.items()]  # fmt: skip
    match = Match(read, stems(), list(handed_in), [t for t in troubles if t])
    submission = Submission({}, match.run().lessons)
    assert list(submission.lessons) == stems()
    report = not_handed_in(_report(submission, data), submission)
    result = result_of(as_json(report, submission))
    for lesson in result.lessons:
        assert bool(lesson.file) != bool(lesson.reason)
        assert all(exercise["message"].strip() for exercise in lesson.lost)
    book = Gradebook(stems())
    book.add(Line("anna", "k", 0), Entry("anna"), result)
    row = book.rows[0]
    lost = {lesson.stem for lesson in result.lessons if lesson.points < lesson.max_points}
    assert bool(row.words) == bool(lost)
    assert ("anna" in last_line(book)) == bool(row.reasons)
    assert all(reason in last_line(book) for reason in row.reasons)


def _report(submission: Submission, data: st.DataObject) -> Report:
    """Any verdicts on what is code; a refusal of what is none."""
    lessons = []
    for stem, lesson in submission.lessons.items():
        status = data.draw(statuses) if isinstance(lesson, Code) else "error"
        message = data.draw(st.sampled_from(["", " ", "why"]))
        verdict = Verdict("loss", status, 3, message=message)  # type: ignore[arg-type]
        lessons.append(LessonReport(stem, stem, "path", (verdict,)))
    return Report(Settings(), tuple(lessons))


def lesson(**changes: Any) -> LessonResult:
    exercise = {"exercise": "loss", "status": "wrong", "message": "", "misconception": None}
    whole: dict[str, Any] = {
        "stem": "lesson1_linear",
        "title": "",
        "points": 0,
        "max_points": 3,
        "digest": "",
        "file": "a.py",
        "reason": "",
        "exercises": [exercise],
    }
    return LessonResult(**(whole | changes))


@pytest.mark.parametrize(
    "changes", [{}, {"file": ""}, {"file": "", "reason": " "}, {"reason": "why"}]
)
def test_a_result_that_lost_points_without_a_word_cannot_be_made(changes: dict[str, str]) -> None:
    with pytest.raises(Unexplained):
        lesson(**changes)


def test_nor_can_a_row_or_a_lesson_without_code() -> None:
    with pytest.raises(ValueError):
        Row(Entry("anna"), points=((0, 3),))
    with pytest.raises(ValueError):
        Row(Entry("anna"))
    with pytest.raises(ValueError):
        NoCode("  ")


def test_full_points_need_no_word() -> None:
    assert Result((lesson(points=3, exercises=[]),)).words == []


def test_lessons_with_the_same_reason_are_told_together() -> None:
    reasons = [(n, f"no file that defines lesson {n}'s functions; seen: x") for n in (2, 3, 4, 6)]
    assert told_together([*reasons, (5, "why")]) == [
        "lessons 2–4, 6: no file that defines their functions; seen: x",
        "lesson 5: why",
    ]
