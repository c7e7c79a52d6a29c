"""`pytest exercises`: a test per exercise, and no student's code in pytest's process."""

from __future__ import annotations

import json
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


#: Runs of pytest one after the other: to import PyTorch costs a second in each process.
RUNS = """
import json, sys
import pytest
for arguments in json.loads(sys.argv[1]):
    print(chr(30), flush=True)
    print(int(pytest.main(arguments)), flush=True)
"""


def _course(folder: Path, source: str) -> Path:
    """exercises/ of a student who has handed in this; the file tells who imports it."""
    exercises = folder / "exercises"
    exercises.mkdir(parents=True)
    shutil.copy(ROOT / "exercises" / "conftest.py", exercises)
    tell = f"import sys\nopen({str(exercises / 'importers')!r}, 'a').write(f'{{sys.argv}}\\n')\n"
    (exercises / f"{STEM}.py").write_text(source + tell, encoding="utf-8")
    (exercises / "lesson99_unknown.py").write_text("assert False\n", encoding="utf-8")
    return exercises


def _arguments(exercises: Path, *arguments: str) -> list[str]:
    options = ["-q", "-p", "no:cacheprovider", f"--rootdir={exercises.parent}"]
    options += [f"--junit-xml={exercises / 'junit.xml'}", "-o", "junit_family=xunit1"]
    return [*options, "-c", "/dev/null", *arguments]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, tuple[Run, Path]]:
    """Runs and their folders: of one that is half done the whole and two exercises; a stub."""
    top = tmp_path_factory.mktemp("courses")
    half = patched(STEM, "grad_by_hand", HALF) + OPEN
    texts = {"whole": half, "two": half, "stub": cut(solution(STEM))}
    places = {name: _course(top / name, text) for name, text in texts.items()}
    two = places["two"] / f"{STEM}.py"
    wanted = [
        _arguments(places["whole"], str(places["whole"])),
        _arguments(places["two"], f"{two}::forward", f"{two}::train"),
        _arguments(places["stub"], "--collect-only", str(places["stub"])),
    ]
    ended = subprocess.run(
        [sys.executable, "-c", RUNS, json.dumps(wanted)],
        cwd=ROOT,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    _, *outputs = ended.stdout.split(chr(30))
    found = {}
    for (name, place), output in zip(places.items(), outputs, strict=True):
        cases = ET.parse(place / "junit.xml").getroot().iter("testcase")
        status = int(output.split()[-1])
        found[name] = Run(status, output, {case.attrib["name"]: case for case in cases}), place
    return found


@pytest.fixture
def whole(runs: Mapping[str, tuple[Run, Path]]) -> Run:
    return runs["whole"][0]


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


def test_an_editor_is_led_to_the_line(runs: Mapping[str, tuple[Run, Path]]) -> None:
    whole, folder = runs["whole"]
    text = (folder / f"{STEM}.py").read_text(encoding="utf-8").splitlines()
    case = whole.cases["grad_by_hand"]
    assert case.attrib["file"] == f"exercises/{STEM}.py"
    assert text[int(case.attrib["line"])] == "def grad_by_hand(x, y, w):"


def test_the_students_file_is_never_imported_by_pytest(
    runs: Mapping[str, tuple[Run, Path]],
) -> None:
    _assert_imported_once_by_the_server(runs["whole"][1])


def test_a_file_named_on_the_command_line_is_not_imported_either(
    runs: Mapping[str, tuple[Run, Path]],
) -> None:
    run, folder = runs["two"]
    assert list(run.cases) == ["forward", "train"]
    _assert_imported_once_by_the_server(folder)


def test_a_stub_collects_without_being_run(runs: Mapping[str, tuple[Run, Path]]) -> None:
    run, folder = runs["stub"]
    assert f"exercises/{STEM}.py::multiply_backward" in run.output
    assert run.status == 0 and not (folder / "importers").exists()


def _assert_imported_once_by_the_server(folder: Path) -> None:
    (importer,) = (folder / "importers").read_text(encoding="utf-8").splitlines()
    assert "running" in importer and "-c" not in importer
