"""Whatever bytes come in, a verdict comes out: no exception, in bounded memory.

Some hundreds of examples always; ten thousand of each under the marker `slow`.
"""

from __future__ import annotations

import io
import json
import socket
import struct
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from checks.grader.classroom.exports import Entry
from checks.grader.classroom.feedback import feedback
from checks.grader.classroom.gradebook import Gradebook, Line
from checks.grader.classroom.matching import Code
from checks.grader.classroom.result import as_json, result_of
from checks.grader.classroom.submission import Submission, open_submission
from checks.grader.classroom.tables import Canvas, Grades, Moodle
from checks.grader.grading.compare import compare
from checks.grader.grading.judge import judge
from checks.grader.grading.method import autograd_in
from checks.grader.grading.questions import questions_of
from checks.grader.grading.reading import line_of
from checks.grader.records.observation import Observation
from checks.grader.records.verdict import LessonReport, Report, Row, Settings, Verdict
from checks.grader.reports.export import junit
from checks.grader.reports.gradescope import gradescope
from checks.grader.reports.terminal import Ink, render
from checks.grader.running import frames
from checks.grader.running.intake import LessonFile
from checks.grader.running.messages import Calls, observation

FEW, MANY = 200, 10_000
Property = Callable[..., None]
STEM = "lesson2_bias"

numbers = st.integers() | st.floats() | st.booleans() | st.none() | st.text()
leaves = (
    st.fixed_dictionaries(
        {
            "tensor": st.lists(st.integers(-1, 4) | st.integers(), max_size=9),
            "at": st.integers(-8, 64) | st.integers(),
            "dtype": st.sampled_from(["float32", "int64"]) | st.text(),
            "device": st.sampled_from(["cpu", "cuda:0"]) | st.text(),
        }
    )
    | st.fixed_dictionaries({"plain": numbers})
    | st.fixed_dictionaries({"foreign": st.text()})
    | numbers
)
values = st.recursive(
    leaves,
    lambda inner: (
        st.fixed_dictionaries({"tuple": st.lists(inner, max_size=4)})
        | st.fixed_dictionaries(
            {"dict": st.lists(st.lists(st.text(max_size=3) | inner, max_size=3), max_size=3)}
        )
    ),
    max_leaves=8,
)
#: As processes answer: what is odd is in the numbers, the shapes and how they are put together.
usual = st.recursive(
    st.fixed_dictionaries(
        {
            "tensor": st.lists(st.integers(0, 3), max_size=2),
            "at": st.just(0),
            "dtype": st.sampled_from(["float32", "float64", "int64", "bool"]),
            "device": st.just("cpu"),
        }
    )
    | st.fixed_dictionaries({"plain": st.floats() | st.integers(-9, 9) | st.booleans() | st.none()})
    | st.fixed_dictionaries({"foreign": st.text()}),
    lambda inner: (
        st.fixed_dictionaries({"tuple": st.lists(inner, max_size=4)})
        | st.fixed_dictionaries({"dict": st.lists(st.tuples(st.text(max_size=3), inner))})
    ),
    max_leaves=6,
)
headers = st.fixed_dictionaries(
    {"outcome": st.just("value"), "value": usual}
) | st.fixed_dictionaries(
    {"outcome": st.sampled_from(["value", "raised", "missing", "not_started", "x"]) | numbers},
    optional={
        "value": values,
        "type": numbers,
        "message": numbers,
        "line": numbers,
        "printed": numbers,
        "changed": st.lists(numbers, max_size=3) | numbers,
        "grads": st.lists(st.integers(), max_size=3),
        "autograd": numbers,
        "forward_mode": numbers,
    },
)
bodies = st.binary(max_size=64) | st.binary(min_size=72, max_size=96)
#: Text of Python, more or less.
sources = st.text() | st.lists(
    st.sampled_from(
        [
            *"():.=[]#x ",
            "\n",
            "\n    ",
            "def ",
            "class ",
            "return ",
            "import ",
            "as ",
            "lambda ",
            "if ",
        ]
        + ["grad_by_hand", "forward", "torch", "autograd", "grad", "backward", "requires_grad_"]
        + ["False", "0xffff", "'a'", "# TODO"]
    ),
    max_size=30,
).map("".join)


def received(header: bytes, body: bytes) -> Observation | None:
    """What the judge makes of a frame; None if it calls the process broken."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(struct.pack("<II", len(header), len(body)) + header + body)
        theirs.shutdown(socket.SHUT_WR)
        try:
            return observation(*frames.read(ours))
        except frames.Broken:
            return None


class Scripted:
    """A session that answers what it was told."""

    def __init__(self, seen: Observation) -> None:
        self.seen = seen

    def imported(self) -> Observation:
        return Observation("value")

    def ask(self, calls: Calls, meanwhile: Callable[[], object]) -> list[Observation]:
        meanwhile()
        return [self.seen] * len(calls.calls)

    def close(self) -> None:
        """Nothing was started."""


def written(report: Report) -> None:
    """Every output of a check, as bytes."""
    render(report, Ink(), every_message=True).encode()
    junit(report).encode()
    json.dumps(gradescope(report), ensure_ascii=False).encode()
    json.dumps(report.as_json(), ensure_ascii=False).encode()


def any_frame_becomes_an_observation(header: bytes, body: bytes) -> None:
    seen = received(header, body)
    if seen is None:
        return
    for question in questions_of(STEM, Settings()).all:
        compare(question.exercise, question.truths[0].by_hand, seen, question.settings)


def any_answer_gets_a_verdict_that_can_be_written(header: dict[str, Any], body: bytes) -> None:
    seen = received(json.dumps(header).encode(), body)
    if seen is None:
        return
    lesson_file = LessonFile(STEM, Path("a.py"), "def forward(x, w, b): return x")
    verdicts = [
        judge(Scripted(seen), question, lesson_file)
        for question in questions_of(STEM, Settings()).all[:4]
    ]
    written(Report(Settings(), (LessonReport(STEM, "", "a.py", tuple(verdicts)),)))


def any_text_is_read(source: str, name: str) -> None:
    autograd_in(source, name)
    line_of(source, name)


def an_archive(
    members: list[tuple[str, bytes, int]], changes: list[tuple[int, int]], cut: int
) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data, method in members:
            archive.writestr(zipfile.ZipInfo(name), data, compress_type=method)
    whole = bytearray(buffer.getvalue())
    for at, byte in changes:
        whole[at % len(whole)] = byte
    return bytes(whole[: len(whole) - cut])


methods = st.sampled_from([zipfile.ZIP_STORED, 8, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
names = st.sampled_from(["lesson1_linear.py", "a/b.py", "../x", "/x", "notes.txt"]) | st.text(
    alphabet=st.characters(codec="utf-8"), min_size=1
)
archives = st.builds(
    an_archive,
    st.lists(
        st.tuples(names, st.binary(max_size=40), methods), max_size=4, unique_by=lambda m: m[0]
    ),
    st.lists(st.tuples(st.integers(0, 2_000), st.integers(0, 255)), max_size=6),
    st.integers(0, 30),
)


def any_archive_is_read_or_refused(data: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.zip"
        path.write_bytes(data)
        assert isinstance(open_submission(path), Submission)


texts = st.text(st.characters(codec="utf-8"))
rows = st.builds(Row, texts, st.floats() | texts, st.floats() | st.none(), st.floats())
verdicts = st.builds(
    Verdict,
    exercise=texts,
    status=st.sampled_from(["passed", "wrong", "error", "crashed", "timeout", "course_error"]),
    max_points=st.integers(0, 9),
    misconception=st.none() | texts,
    message=texts,
    case=st.dictionaries(texts, st.floats() | texts, max_size=2),
    comparison=st.lists(rows, max_size=3).map(tuple),
    line=st.none() | st.integers(1, 99),
    printed=texts,
)


def any_verdict_can_be_written(found: list[Verdict], name: str, notes: list[str]) -> None:
    report = Report(Settings(), (LessonReport(STEM, name, name, tuple(found)),))
    written(report)
    file = io.StringIO()
    line = Line(name, "key", 0, tuple(notes))
    book, entry = Gradebook([STEM]), Entry(name)
    submission = Submission({}, {STEM: Code(name or "a", name)})
    result = result_of(as_json(report, submission))
    book.add(line, entry, result)
    for row in book.rows:
        Grades(file, [STEM]).add(row)
        Canvas(file, [STEM], [1]).add(row)
        Moodle(file).add(row)
    file.write(feedback(entry, result, notes))
    assert file.getvalue().encode()


def test_of_the_frames_that_are_drawn_a_third_is_read() -> None:
    """Else little would be said of what is made of them."""
    drawn: list[bool] = []

    @settings(max_examples=FEW, deadline=None, derandomize=True, database=None)
    @given(headers, bodies)
    def draw(header: dict[str, Any], body: bytes) -> None:
        drawn.append(received(json.dumps(header).encode(), body) is not None)

    draw()
    assert len(drawn) // 3 < sum(drawn) < len(drawn)


#: What holds, and of what.
PROPERTIES: dict[str, tuple[Property, tuple[st.SearchStrategy[Any], ...]]] = {
    "frames": (
        any_frame_becomes_an_observation,
        (
            headers.map(lambda header: json.dumps(header).encode()) | st.binary(max_size=200),
            bodies,
        ),
    ),
    "answers": (
        any_answer_gets_a_verdict_that_can_be_written,
        (
            headers,
            bodies,
        ),
    ),
    "texts": (
        any_text_is_read,
        (
            sources,
            st.sampled_from(["grad_by_hand", "forward", ""]),
        ),
    ),
    "archives": (any_archive_is_read_or_refused, (archives | st.binary(max_size=200),)),
    "outputs": (
        any_verdict_can_be_written,
        (
            st.lists(verdicts, max_size=3),
            texts,
            st.lists(texts, max_size=3),
        ),
    ),
}


@pytest.mark.parametrize("what", PROPERTIES)
@pytest.mark.parametrize("examples", [FEW, pytest.param(MANY, marks=pytest.mark.slow)])
def test_whatever_comes_in(what: str, examples: int) -> None:
    limits = settings(
        max_examples=examples,
        deadline=None,
        derandomize=examples == FEW,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    holds, drawn = PROPERTIES[what]
    limits(given(*drawn)(holds))()
