"""`pytest exercises`: a test per exercise, and no student's code in pytest's process."""

from __future__ import annotations

import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.grader.author.stub import cut
from checks.grader.records.course import ROOT, stems
from checks.tests.submissions import patched, solution

STEM = stems()[0]
HALF = "def grad_by_hand(x, y, w):\n    print('hello')\n    return (x * w - y) * x\n"
OPEN = "def train(*arguments):\n    raise NotImplementedError('TODO 1.6: later')\n"


@dataclass(frozen=True)
class Run:
    """One run of pytest: its output, and its tests by name."""

    status: int
    output: str
    cases: Mapping[str, ET.Element]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """exercises/ of a student: some right, one wrong, one open; the file tells who imports it."""
    folder = tmp_path_factory.mktemp("course") / "exercises"
    folder.mkdir()
    shutil.copy(ROOT / "exercises" / "conftest.py", folder)
    tell = f"import sys\nopen({str(folder / 'importers')!r}, 'a').write(f'{{sys.argv}}\\n')\n"
    source = patched(STEM, "grad_by_hand", HALF) + OPEN + tell
    (folder / f"{STEM}.py").write_text(source, encoding="utf-8")
    (folder / "lesson99_unknown.py").write_text("assert False\n", encoding="utf-8")
    return folder


def _run(*arguments: str, folder: Path) -> Run:
    xml = folder / "junit.xml"
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={folder.parent}", f"--junit-xml={xml}"]
    options += ["-o", "junit_family=xunit1", "-c", "/dev/null"]
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *arguments],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    cases = {case.attrib["name"]: case for case in ET.parse(xml).getroot().iter("testcase")}
    return Run(ended.returncode, ended.stdout + ended.stderr, cases)


@pytest.fixture(scope="module")
def whole(folder: Path) -> Run:
    return _run(str(folder), folder=folder)


def test_every_exercise_is_a_test_and_other_files_are_not(whole: Run) -> None:
    exercises = ["forward", "loss", "multiply_backward", "grad_by_hand", "grad_by_autograd"]
    assert list(whole.cases) == [*exercises, "train"]


def test_wrong_exercises_fail_and_open_ones_are_skipped(whole: Run) -> None:
    failed = [name for name, case in whole.cases.items() if case.find("failure") is not None]
    skipped = [name for name, case in whole.cases.items() if case.find("skipped") is not None]
    assert (failed, skipped) == (["grad_by_hand"], ["train"])
    assert whole.status == 1


def test_a_heading_names_the_lesson(whole: Run) -> None:
    assert " lesson 1: grad_by_hand " in whole.output


def test_a_failure_is_told_in_the_words_of_check(whole: Run) -> None:
    failure = whole.cases["grad_by_hand"].find("failure")
    assert failure is not None and failure.text is not None
    assert "exactly half of the right one" in failure.text
    assert "−4" in failure.text
    assert "Traceback" not in whole.output and "pytest_plugin.py" not in whole.output


def test_an_open_exercise_says_what_to_do(whole: Run) -> None:
    skipped = whole.cases["train"].find("skipped")
    assert skipped is not None and "TODO 1.6: later" in skipped.attrib["message"]


def test_what_the_code_printed_is_shown(whole: Run) -> None:
    assert "you printed: hello" in whole.output


def test_an_editor_is_led_to_the_line(whole: Run, folder: Path) -> None:
    text = (folder / f"{STEM}.py").read_text(encoding="utf-8").splitlines()
    case = whole.cases["grad_by_hand"]
    assert case.attrib["file"] == f"exercises/{STEM}.py"
    assert text[int(case.attrib["line"])] == "def grad_by_hand(x, y, w):"


def test_the_students_file_is_never_imported_by_pytest(whole: Run, folder: Path) -> None:
    _assert_imported_once_by_the_server(folder)


def test_a_file_named_on_the_command_line_is_not_imported_either(folder: Path) -> None:
    (folder / "importers").unlink(missing_ok=True)
    path = folder / f"{STEM}.py"
    run = _run(f"{path}::forward", str(path) + "::train", folder=folder)
    assert list(run.cases) == ["forward", "train"]
    _assert_imported_once_by_the_server(folder)


def test_a_stub_collects_without_being_run(folder: Path) -> None:
    (folder / f"{STEM}.py").write_text(cut(solution(STEM)), encoding="utf-8")
    run = _run("--collect-only", str(folder), folder=folder)
    assert f"exercises/{STEM}.py::multiply_backward" in run.output
    assert run.status == 0


def _assert_imported_once_by_the_server(folder: Path) -> None:
    (importer,) = (folder / "importers").read_text(encoding="utf-8").splitlines()
    assert "server" in importer and "pytest" not in importer
