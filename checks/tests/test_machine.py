"""Nobody is charged for the machine: what fails around a submission costs nobody a point."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from checks.grader.classroom import marking
from checks.grader.classroom.enrolment import Enrolment
from checks.grader.classroom.exports import Entry
from checks.grader.classroom.marking import Graded, Grader, NotGraded, Rules
from checks.grader.classroom.pool import Pool
from checks.grader.classroom.progress import Progress
from checks.grader.classroom.publish import make_folders, publish
from checks.grader.classroom.run import Classroom, prepare
from checks.grader.classroom.submission import Submission
from checks.grader.records.verdict import LessonReport, Settings
from checks.grader.running import server as servers
from checks.grader.running.sandbox import Isolation
from checks.grader.running.session import LIMITS, Allowance
from checks.tests.submissions import patched, solution

STEM, OTHER = "lesson1_linear", "lesson2_bias"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="processes of Linux")
#: Right, and each process of it takes its time once.
SLOW = f"import time; time.sleep(0.9)\n{solution(STEM)}"
RIGHT = Submission({f"{STEM}.py": solution(STEM).encode()})


@pytest.fixture(scope="module")
def grader() -> Iterator[Grader]:
    with Grader(Settings(time_limit=30.0), "auto") as grader:
        grader.report(RIGHT, [STEM])
        yield grader


def report(grader: Grader, source: str) -> LessonReport:
    return grader.report(Submission({f"{STEM}.py": source.encode()}), [STEM]).lessons[0]


def children(pid: int) -> list[int]:
    return [int(p) for p in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@contextmanager
def soon(grader: Grader, act: Callable[[], None]) -> Iterator[None]:
    """Do something once the student's process is there; fails where it never is."""

    def wait() -> None:
        deadline = time.monotonic() + 30
        while not children(grader.server.pid):
            assert time.monotonic() < deadline, "no process of a student was seen"
            time.sleep(0.005)
        time.sleep(0.3)
        act()

    with ThreadPoolExecutor(1) as thread:
        done = thread.submit(wait)
        yield
        done.result()


@LINUX
def test_a_server_that_is_killed_costs_no_point(grader: Grader) -> None:
    before = grader.server.pid
    with soon(grader, lambda: os.kill(before, signal.SIGKILL)):
        assert report(grader, SLOW).points == 12
    assert report(grader, solution(STEM)).points == 12
    assert grader.server.pid != before


@LINUX
def test_a_students_process_that_is_killed_from_outside_costs_no_point(grader: Grader) -> None:
    with soon(grader, lambda: os.kill(children(grader.server.pid)[0], signal.SIGKILL)):
        assert report(grader, SLOW).points == 12


@LINUX
def test_a_server_that_stalls_is_replaced_and_its_late_replies_confuse_nobody(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(servers, "STALLED", 1.0)
    grader.server._patience = 1.0
    os.kill(grader.server.pid, signal.SIGSTOP)
    assert report(grader, solution(STEM)).points == 12
    assert report(grader, solution(STEM)).points == 12


@LINUX
def test_a_late_reply_is_not_taken_for_the_next_one(grader: Grader) -> None:
    sock = grader.server._sock
    assert sock is not None
    number = grader.server._number + 1
    sock.send(servers.REQUEST.pack(servers.PING, number, 0))  # its reply is read by nobody
    grader.server._number = number
    assert report(grader, solution(STEM)).points == 12


def test_a_crash_counts_when_it_happens_again(grader: Grader) -> None:
    code = patched(STEM, "loss", "def loss(x, y, w):\n    import os; os._exit(1)\n")
    verdicts = report(grader, code).verdicts
    assert [v.exercise for v in verdicts if v.status == "crashed"] == ["loss"]


def test_a_full_temporary_folder_is_not_the_students(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = shutil.disk_usage("/")._replace(free=0)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: full)
    monkeypatch.setattr(marking, "_grader", lambda *_: grader)
    result = marking.grade(RIGHT, Rules(0, 30.0, "auto", ""))
    assert isinstance(result, NotGraded) and "is full" in result.reason


def test_a_file_that_cannot_be_written_for_want_of_space_does_not_vanish(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space"):
        marking._put(tmp_path, "helper.py", b"1")
    monkeypatch.undo()
    marking._put(tmp_path, "n" * 300, b"1")  # a name that no disk can hold


def test_a_missing_temporary_folder_is_made_again(grader: Grader) -> None:
    shutil.rmtree(grader.folder)
    assert report(grader, solution(STEM)).points == 12


def test_a_judge_without_memory_grades_nothing_and_says_so(
    grader: Grader, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Grader, "_report", fail)
    monkeypatch.setattr(marking, "_grader", lambda *_: grader)
    result = marking.grade(RIGHT, Rules(0, 30.0, "auto", ""))
    assert result == NotGraded("the judge ran out of memory")


def test_endless_loops_in_every_exercise_do_not_take_a_time_limit_each() -> None:
    allowance = Allowance()
    assert allowance.limit(10.0) == 10.0
    allowance.waited = 10.0 * LIMITS
    assert allowance.limit(10.0) < 2.0
    assert allowance.limit(0.5) == 0.5


def test_helper_modules_of_one_lesson_are_not_those_of_the_next(grader: Grader) -> None:
    files = {}
    for number, stem in enumerate((STEM, OTHER)):
        files[f"week{number}/{stem}.py"] = (
            f"import helper\nassert helper.of == {number}\n{solution(stem)}"
        )
        files[f"week{number}/helper.py"] = f"of = {number}\n"
    submission = Submission({name: text.encode() for name, text in files.items()})
    lessons = grader.report(submission, [STEM, OTHER]).lessons
    assert [lesson.points for lesson in lessons] == [lesson.max_points for lesson in lessons]


class Scripted(Executor):
    """A pool whose tasks end as they are told: by name of the submission's only file."""

    def __init__(self, ends: dict[str, list[Any]]) -> None:
        self.ends = ends

    def submit(self, function: Any, /, *arguments: Any, **_: Any) -> Future[Any]:
        future: Future[Any] = Future()
        (name,) = arguments[0].files
        end = self.ends[name].pop(0) if self.ends.get(name) else _graded()
        if isinstance(end, Exception):
            future.set_exception(end)
        else:
            future.set_result(end)
        return future


def _graded(*unjudged: str) -> Graded:
    lesson = {"lesson": STEM, "title": "", "points": 1, "max_points": 1, "exercises": []}
    lesson |= {"file": "a.py", "reason": "", "digest": ""}
    text = json.dumps({"points": 1, "max_points": 1, "lessons": [lesson]})
    return Graded(text, 0.0, Isolation(tried=12), unjudged)


def run_class(tmp_path: Path, ends: dict[str, list[Any]]) -> tuple[Classroom, int]:
    """A class of three, graded by a scripted pool; the classroom and the rows of grades.csv."""
    import io

    for i, name in enumerate(("anna", "ben", "cleo")):
        (tmp_path / "in" / name).mkdir(parents=True, exist_ok=True)
        (tmp_path / "in" / name / f"{name}.py").write_text(f"x = {i}")
    out = tmp_path / "out"
    enrolled = Enrolment.open(tmp_path / "in", out, [STEM], None, None)
    make_folders(out)
    rules = prepare(out, [STEM], 1, 10.0, "auto", graphs=False)
    room = Classroom(enrolled.submission, out, rules, Progress(3, io.StringIO()))
    entries = enrolled.entries
    executor = Scripted(ends)
    room.run(entries, Pool(executor, 2, lambda: executor))
    publish(room, entries, [STEM])
    return room, len((out / "grades.csv").read_text(encoding="utf-8").splitlines()) - 1


def test_a_submission_that_ends_the_judge_takes_nobody_with_it(tmp_path: Path) -> None:
    room, rows = run_class(tmp_path, {"ben.py": [BrokenProcessPool("killed")] * 9})
    assert set(room.lost) == {"ben"} and "killed" in room.lost["ben"]
    assert set(room.graded) == {"anna", "cleo"}
    assert rows >= 2


def test_a_neighbour_of_a_dying_process_is_graded_alone(tmp_path: Path) -> None:
    room, rows = run_class(tmp_path, {"ben.py": [BrokenProcessPool("killed")]})
    assert not room.lost and rows == 3


def test_what_was_not_graded_is_graded_by_the_next_run(tmp_path: Path) -> None:
    ends: dict[str, list[Any]] = {
        "anna.py": [NotGraded("the disk is full")],
        "ben.py": [_graded("lesson1_linear.loss: could not be judged")],
    }
    room, _ = run_class(tmp_path, ends)
    assert room.lost["anna"] == "the disk is full" and "loss" in room.lost["ben"]
    room, rows = run_class(tmp_path, {})
    assert not room.lost and rows == 3


def test_a_result_that_cannot_be_kept_is_not_graded_and_the_others_are(
    tmp_path: Path,
) -> None:
    (tmp_path / "out" / "results" / "ben.json").mkdir(parents=True)  # a folder is in the way
    room, _ = run_class(tmp_path, {})
    assert set(room.lost) == {"ben"} and set(room.graded) == {"anna", "cleo"}


def test_a_reader_of_archives_that_fails_loses_one_student(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Enrolment.submission

    def fail(enrolled: Enrolment, entry: Entry) -> Submission:
        if entry.student == "ben":
            raise RecursionError
        return read(enrolled, entry)

    monkeypatch.setattr(Enrolment, "submission", fail)
    room, _ = run_class(tmp_path, {})
    assert set(room.lost) == {"ben"} and set(room.graded) == {"anna", "cleo"}


def test_the_sentence_on_isolation_names_who_had_which(tmp_path: Path) -> None:
    weak = Graded(_graded().report, 0.0, Isolation(("Landlock in this kernel",), 12, ("reading",)))
    room, _ = run_class(tmp_path, {"ben.py": [weak]})
    told = room.isolation()
    assert "lacks Landlock in this kernel" in told and "(For ben.)" in told
    assert "held: all 12" in told and "(For anna, cleo.)" in told


def test_the_server_refuses_to_fork_with_expected_values_in_memory() -> None:
    import checks.grader.grading.judge  # noqa: F401

    with pytest.raises(servers.TruthLoaded, match="has loaded checks"):
        servers.Server("fork")
