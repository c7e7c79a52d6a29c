"""Every way of handing in gets its points, or the sentence that says why none."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path

import pytest

from checks.grader.classroom.exports import Export
from checks.grader.classroom.matching import Code
from checks.grader.classroom.result import as_json, result_of
from checks.grader.classroom.submission import Submission
from checks.grader.records.verdict import Settings
from checks.tests.classes import open_grader
from checks.tests.ways import STEM, WAYS, Way


@pytest.fixture(scope="module")
def points() -> Iterator[Callable[[Code], int]]:
    """The points of a text; each text is graded once."""
    with open_grader(Settings(time_limit=60.0)) as grader:

        @cache
        def points_of(text: str) -> int:
            submission = Submission({}, {STEM: Code(f"{STEM}.py", text)})
            return result_of(as_json(grader.report(submission, [STEM]), submission)).points

        yield lambda code: points_of(code.text)


def test_there_are_sixty_ways_and_more() -> None:
    assert len({way.name for way in WAYS}) == len(WAYS) >= 60


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_work_gets_its_points_however_it_is_handed_in(
    way: Way, points: Callable[[Code], int], tmp_path: Path
) -> None:
    folder = tmp_path / "class"
    folder.mkdir()
    way.write(folder)
    got: dict[str, int | str] = {}
    with closing(Export(folder / way.source, tmp_path / "out")) as export:
        for entry in export.entries:
            lesson = export.submission(entry, [STEM]).lessons[STEM]
            wanted = way.expected.get(entry.student, 0)
            if isinstance(lesson, Code):
                got[entry.student] = points(lesson)
            else:
                said = str(wanted) in lesson.reason
                got[entry.student] = wanted if said else lesson.reason
    assert got == way.expected
