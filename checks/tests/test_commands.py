"""The command line as a student meets it: every command, and one clear line for every misuse."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import torch

from checks.grader.author import stub
from checks.grader.author.stub import cut
from checks.grader.commands.cli import main
from checks.grader.commands.journey import Journey
from checks.grader.language.lesson import load
from checks.grader.records import course as course_of
from checks.grader.records.course import ROOT, stems
from checks.grader.records.verdict import LessonReport, Row, Verdict
from checks.grader.reports.labels import labels
from checks.grader.reports.terminal import Ink, _table
from checks.tests.submissions import patched, solution
from checks.tests.typed import Typed, typed

__all__ = ["typed"]  # a fixture

STEM = "lesson1_linear"


@pytest.fixture
def course(tmp_path: Path) -> Path:
    """The folder of a student who has begun nothing."""
    copy = tmp_path / "course"
    (copy / "exercises").mkdir(parents=True)
    for stem in stems():
        text = cut(solution(stem))
        (copy / "exercises" / f"{stem}.py").write_text(text, encoding="utf-8")
    return copy


MISUSES = [
    (["chekc"], "there is no lesson 'chekc', nor a command: did you mean check?"),
    (["check", "88"], "there is no lesson '88'"),
    (["check", "--from", "nowhere"], "there is no 'nowhere'"),
    (["check", "--dtype", "float16"], "invalid choice: 'float16'"),
    (["check", "--seed", "x"], "invalid int value: 'x'"),
    (["check", "--time-limit", "0"], "0 is not a positive number of seconds"),
    (["check", "--time-limit", "soon"], "--time-limit"),
    (["check", "--json", "no/such/folder/x.json"], "its folder does not exist"),
    (["check", "--junit", "no/such/folder/x.xml"], "its folder does not exist"),
    (["check", "--fast"], "unrecognized arguments: --fast"),
    (["check", "1", "2", "--from", f"solutions/{STEM}.py"], "is one file"),
    (["check", "--from", "README.md"], "there is no lesson 'README'"),
    (["hint", "9"], "there is no lesson '9'"),
    (["hint", "1.backprop"], "lesson 1 has no 'backprop'; it has forward"),
    (["reset"], "LESSON"),
    (["reset", "exercises"], "there is no lesson 'exercises'"),
    (["verify", "12"], "there is no lesson '12'"),
]


@pytest.mark.parametrize(("arguments", "words"), MISUSES, ids=[" ".join(a) for a, _ in MISUSES])
def test_misuse_gets_one_clear_line_and_status_2(
    arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert err.count("\n") == 1
    assert err.startswith("checks: ")


@pytest.mark.parametrize("device", ["cuda", "cuda:7", "tpu", "cuda:x"])
def test_a_device_that_is_not_there_gets_one_line(
    device: str, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = typed("--device", device)
    assert (done.status, done.out) == (2, "")
    assert f"device {device!r}" in done.err
    assert done.err.count("\n") == 1


def test_stubs_score_nothing_and_end_with_status_1(course: Path, typed: Typed) -> None:
    place = course / "exercises"
    done = typed("1", "--from", str(place), cwd=ROOT)
    assert (done.status, done.err) == (1, "")
    assert "0 of 12 points" in done.out and "\x1b" not in done.out
    line = cut(solution(STEM)).split("# TODO 1.1")[0].count("\n") + 1
    assert f"Next: forward of lesson 1\n  → {place / STEM}.py:{line}\n" in done.out


def test_solutions_score_everything_and_end_with_status_0(typed: Typed) -> None:
    done = typed("--from", "solutions")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"\n(\d+) of \1 points\n", done.out)


def test_no_line_of_a_report_is_wider_than_80_columns(tmp_path: Path, typed: Typed) -> None:
    code = (
        "def grad_by_hand(x, y, w):\n    return 2 * (x * w - y) * w * "
        + "x.new_ones(()) * " * 9
        + "1"
    )
    (tmp_path / f"{STEM}.py").write_text(patched(STEM, "grad_by_hand", code), encoding="utf-8")
    lines = typed("1", "--from", str(tmp_path)).out.splitlines()
    assert 68 < max(len(line) for line in lines if "→" not in line) <= 80


def test_json_on_standard_output_is_all_there_is(typed: Typed) -> None:
    report = json.loads(typed("1", "--from", "solutions", "--json", "-").out)
    assert report["points"] == report["max_points"] == 12
    assert list(report) == ["schema", "device", "dtype", "seed", "points", "max_points", "lessons"]


def test_json_and_junit_are_written_beside_the_report(course: Path, typed: Typed) -> None:
    done = typed("1", "--json", "r.json", "--junit", "r.xml", cwd=course)
    assert "of 12 points" in done.out
    assert json.loads((course / "r.json").read_text(encoding="utf-8"))["schema"] == 1
    suite = ET.parse(course / "r.xml").getroot()[0]
    assert (suite.get("name"), suite.get("tests")) == (STEM, "6")
    assert (suite.get("failures"), suite.get("skipped")) == ("0", "6")


def test_one_file_is_graded_under_any_name(tmp_path: Path, typed: Typed) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(solution(STEM), encoding="utf-8")
    assert typed("1", "--from", str(mine)).status == 0


def test_a_copy_without_solutions_says_so(
    tmp_path: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(course_of, "ROOT", tmp_path)
    assert (
        typed("verify").err == "checks: there is no folder solutions/ in this copy of the course\n"
    )


def test_reset_keeps_the_students_file_as_a_backup(course: Path, typed: Typed) -> None:
    mine = course / "exercises" / f"{STEM}.py"
    mine.write_text("my own work", encoding="utf-8")
    for _ in range(2):
        assert typed("reset", "1", cwd=course).status == 0
    assert mine.read_text(encoding="utf-8") == cut(solution(STEM))
    backups = (course / "exercises").glob("*.backup-*")
    kept = {path.read_text(encoding="utf-8") for path in backups}
    assert kept == {"my own work", cut(solution(STEM))}


def test_reset_finds_the_stub_in_git_when_there_are_no_solutions(
    course: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "ROOT", course)
    mine = course / "exercises" / f"{STEM}.py"
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(course)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "exercises"], check=True)
    subprocess.run([*git, "commit", "-qm", "stubs"], check=True)
    mine.write_text("my own work", encoding="utf-8")
    subprocess.run([*git, "commit", "-qam", "work"], check=True)
    assert typed("reset", "1", cwd=course).status == 0
    assert mine.read_text(encoding="utf-8") == cut(solution(STEM))


def test_reset_says_when_no_stub_can_be_found_and_touches_nothing(
    course: Path, typed: Typed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stub, "ROOT", course)
    mine = course / "exercises" / f"{STEM}.py"
    mine.write_text("my own work", encoding="utf-8")
    done = typed("reset", "1", cwd=course)
    assert done.status == 2
    assert "no stub of lesson1_linear can be found" in done.err
    assert mine.read_text(encoding="utf-8") == "my own work"


def test_hints_go_from_mild_to_explicit_and_are_remembered(course: Path, typed: Typed) -> None:
    said = [typed("hint", "1.grad_by_hand", cwd=course).out for _ in range(4)]
    assert [text.split(" for ")[0] for text in said[:3]] == [f"Hint {i} of 3" for i in (1, 2, 3)]
    assert said[3] == said[2]


def test_a_hint_for_a_lesson_is_for_its_first_open_exercise(course: Path, typed: Typed) -> None:
    done = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return x")
    (course / "exercises" / f"{STEM}.py").write_text(done, encoding="utf-8")
    assert "for grad_by_hand (lesson 1)" in typed("hint", "1", cwd=course).out


def test_hints_that_were_shown_can_be_read_again(course: Path, typed: Typed) -> None:
    said = [typed("hint", cwd=course).out.partition(" This was")[0] for _ in range(2)]
    again = typed("hint", "--all", cwd=course).out
    assert again.index("Hint 1 of 2 for forward") < again.index("Hint 2 of 2 for forward")
    assert said[0].strip() in again


def test_the_first_check_shows_where_to_begin_and_later_ones_what_is_open(
    course: Path, typed: Typed
) -> None:
    first = typed(cwd=course)
    assert first.status == 1 and len(first.out.splitlines()) <= 26
    assert "Begin here: forward of lesson 1" in first.out
    assert "The prediction ŷ = x·w." in first.out
    mine = course / "exercises" / f"{STEM}.py"
    mine.write_text(cut(solution(STEM)) + "\ndef forward(x, w): return x + w\n", encoding="utf-8")
    later = typed(cwd=course).out
    assert "Begin here" not in later and later.count("\n  ✗") == 1
    assert len(later.splitlines()) <= 30


def test_a_lesson_that_is_done_ends_with_what_was_met_and_what_comes_next(
    course: Path, typed: Typed
) -> None:
    mine = course / "exercises" / f"{STEM}.py"
    wrong = "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n"
    mine.write_text(patched(STEM, "grad_by_hand", wrong), encoding="utf-8")
    assert typed("1", cwd=course).status == 1
    mine.write_text(solution(STEM), encoding="utf-8")
    done = typed("1", cwd=course)
    assert done.status == 0
    assert "✓ Lesson 1 is complete" in done.out
    assert "Mistakes met and mended: the 2 of the derivative of r²." in done.out
    assert f"exercises/{stems()[1]}.py" in done.out


def test_the_course_that_is_done_ends_with_next_steps(course: Path, typed: Typed) -> None:
    for stem in stems():
        (course / "exercises" / f"{stem}.py").write_text(solution(stem), encoding="utf-8")
    done = typed(cwd=course)
    assert done.status == 0
    assert "The course is complete" in done.out and "Three things to do next" in done.out


def test_a_mistake_that_comes_back_is_counted_and_one_that_stays_is_not(tmp_path: Path) -> None:
    memory = tmp_path / "journey.json"
    for id in ("ascent", "ascent", None, "ascent", "wrong_power"):
        verdict = Verdict("train", "wrong" if id else "passed", 1, misconception=id)
        Journey.so_far(memory).remember([LessonReport(STEM, "", "lesson1_linear.py", (verdict,))])
    met = Journey.so_far(memory).overcome([STEM])
    assert met == ["a step uphill (2 times)", "another power of x"]


def test_every_mistake_has_a_label() -> None:
    declared = {m.id for stem in stems() for e in load(stem).exercises for m in e.mistakes}
    assert declared == set(labels())


@pytest.mark.parametrize("text", ["[1, {", '{"met": 3}', '{"met": {"a": 3}, "done": [5]}', "[]"])
def test_a_spoilt_memory_of_the_way_does_no_harm(text: str, tmp_path: Path) -> None:
    memory = tmp_path / "journey.json"
    memory.write_text(text, encoding="utf-8")
    way = Journey.so_far(memory)
    verdict = Verdict("forward", "passed", 1, misconception=None)
    lesson = LessonReport(STEM, "One weight", "lesson1_linear.py", (verdict,))
    assert way.remember([lesson]) == [lesson]
    assert Journey.so_far(memory).remember([lesson]) == []


def test_a_spoilt_memory_of_hints_does_no_harm(course: Path, typed: Typed) -> None:
    (course / ".course").mkdir()
    (course / ".course" / "hints.json").write_text("[1, {", encoding="utf-8")
    assert typed("hint", "1.loss", cwd=course).out.startswith("Hint 1 of ")


def test_a_hint_that_cannot_be_noted_is_given_all_the_same(course: Path, typed: Typed) -> None:
    (course / ".course").write_text("in the place of the folder", encoding="utf-8")
    told = typed("hint", "1.loss", cwd=course)
    assert told.status == 0 and told.out.startswith("Hint 1 of ")
    assert "Next time it comes again: cannot write" in " ".join(told.out.split())


@pytest.fixture(scope="module")
def unread_check() -> subprocess.CompletedProcess[str]:
    """A check of right work whose reader has left, and which tells what it imports."""
    command = [sys.executable, "-X", "importtime", "-m", "checks", "1", "--from", "solutions"]
    reader, unread = os.pipe()
    os.close(reader)
    with os.fdopen(unread) as out:
        return subprocess.run(
            command, cwd=ROOT, stdout=out, stderr=subprocess.PIPE, encoding="utf-8", timeout=120
        )


def test_a_check_of_right_work_imports_neither_matplotlib_nor_the_search_for_slips(
    unread_check: subprocess.CompletedProcess[str],
) -> None:
    imported = {line.rpartition("|")[2].strip() for line in unread_check.stderr.splitlines()}
    assert "torch" in imported and not {"matplotlib", "checks.slips"} & imported


def test_a_closed_pipe_is_no_traceback(unread_check: subprocess.CompletedProcess[str]) -> None:
    told = [x for x in unread_check.stderr.splitlines() if not x.startswith("import time:")]
    assert told == [] and unread_check.returncode in (0, 1)


def test_a_lesson_runs_as_a_program_and_says_what_is_not_finished(course: Path) -> None:
    (course / "checks").symlink_to(ROOT / "checks")
    done = subprocess.run(
        [sys.executable, f"exercises/{STEM}.py", "--device", "cpu"],
        cwd=course,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not finished yet: TODO 1." in done.stdout


WITHOUT_TORCH = "import sys; sys.modules['torch'] = None; "


@pytest.mark.parametrize(
    "code",
    [
        "import runpy; sys.argv = ['exercises/lesson1_linear.py']; "
        "runpy.run_path(sys.argv[0], run_name='__main__')",
        "from checks.grader.commands.cli import main; sys.exit(main([]))",
        "from checks.grader.commands.cli import main; sys.exit(main(['hint', '1']))",
        "import pytest; sys.exit(pytest.main(['exercises', '-p', 'no:cacheprovider']))",
    ],
    ids=["program", "check", "hint", "pytest"],
)
def test_outside_of_the_venv_one_line_says_where_to_go(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TORCH + code],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )
    assert done.returncode != 0
    said = (done.stdout + done.stderr).strip()
    assert said.count("\n") == 0 and "this python has no pytorch" in said.lower()
    assert ".venv" in said


@pytest.mark.skipif(shutil.which("make") is None, reason="there is no make")
@pytest.mark.parametrize(("terminal", "ci", "status"), [(1, "", 0), (1, "true", 2), (0, "", 2)])
def test_make_tells_scripts_and_ci_of_status_1_and_a_reader_only_the_report(
    terminal: int, ci: str, status: int, tmp_path: Path
) -> None:
    """A student who is not done is not told "Error 1" by make; make's own status for it is 2."""
    shutil.copy(ROOT / "Makefile", tmp_path)
    (tmp_path / "pyproject.toml").touch()
    fake = tmp_path / ".venv" / "bin" / "python"
    fake.parent.mkdir(parents=True)
    fake.write_text("#!/bin/sh\necho the report of $CALLED_BY; exit 1\n", encoding="utf-8")
    fake.chmod(0o755)
    (tmp_path / ".venv" / ".student").touch()
    ours, theirs = os.openpty()
    done = subprocess.run(
        ["make"],
        cwd=tmp_path,
        env={**os.environ, "CI": ci, "MAKEFLAGS": ""},
        stdout=theirs if terminal else subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        timeout=60,
    )
    os.close(theirs)
    os.close(ours)
    assert done.returncode == status
    assert (b"Error 1" in done.stderr) == (status != 0)


def test_a_table_of_many_shows_none_that_differ_in_the_last_digit_only() -> None:
    right = [Row(f"w{i}", -0.000464875, None, -0.000464876, is_right=True) for i in range(9)]
    lines = _table([*right, Row("loss", 0.1, None, 0.2)], Ink())
    assert [line.split()[0] for line in lines[1:]] == ["loss", "…"]
    assert "10 components in all, 1 of them wrong" in lines[-1]
