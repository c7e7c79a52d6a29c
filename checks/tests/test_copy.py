"""A student's copy of the course, and the wheel that makes one anywhere."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from checks.grader.author.stub import cut
from checks.grader.commands.cli import main
from checks.grader.records.course import ROOT, stems
from checks.tests.submissions import solution

STEM = stems()[0]
COPIED = {"checks", "data", "exercises", "LICENSE", "Makefile", "pyproject.toml", "README.md"}


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("student") / "course"
    assert main(["init", str(folder)]) == 0
    return folder


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    """A command as its student runs it, with no course but the one of that folder."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, encoding="utf-8", timeout=300
    )


def test_a_copy_has_what_a_student_needs_and_nothing_else(copy: Path) -> None:
    assert {path.name for path in copy.iterdir()} == COPIED
    assert {path.stem for path in (copy / "exercises").glob("lesson*.py")} == set(stems())
    names = {path.name for path in copy.rglob("*")}
    assert not names & {"solutions", "tests", "gradescope", "__pycache__", "bank"}
    assert "classroom:" not in (copy / "Makefile").read_text(encoding="utf-8")
    assert "tool.ruff" not in (copy / "pyproject.toml").read_text(encoding="utf-8")


def test_nothing_is_overwritten(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {path: path.stat().st_mtime_ns for path in copy.rglob("*")}
    assert main(["init", str(copy)]) == 2
    assert "already there" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in copy.rglob("*")} == before


def test_a_copy_grades_its_exercises(copy: Path) -> None:
    done = run(copy, sys.executable, "-m", "checks")
    assert (done.returncode, done.stderr) == (1, "")
    assert "Begin here: forward of lesson 1" in done.stdout


def test_reset_works_in_a_copy_without_git_and_without_solutions(copy: Path) -> None:
    mine = copy / "exercises" / f"{STEM}.py"
    mine.write_text("my own work", encoding="utf-8")
    assert run(copy, sys.executable, "-m", "checks", "reset", "1").returncode == 0
    assert mine.read_text(encoding="utf-8") == cut(solution(STEM))
    assert [path.read_text() for path in mine.parent.glob("*.backup-*")] == ["my own work"]


def test_a_copy_can_be_copied(copy: Path, tmp_path: Path) -> None:
    assert run(copy, sys.executable, "-m", "checks", "init", str(tmp_path / "again")).stderr == ""
    for folder in COPIED - {"checks"}:
        first, second = copy / folder, tmp_path / "again" / folder
        assert first.is_file() == second.is_file()
    names = {path.relative_to(tmp_path / "again") for path in (tmp_path / "again").rglob("*.*")}
    ours = {p.relative_to(copy) for p in copy.rglob("*.*") if "__pycache__" not in p.parts}
    assert names == {p for p in ours if "backup" not in p.name and ".course" not in p.parts}


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A fresh venv with the wheel in it; what the wheel needs is shared, not downloaded again."""
    folder = tmp_path_factory.mktemp("installed")
    source = folder / "source"
    shutil.copytree(
        ROOT, source, ignore=shutil.ignore_patterns(".git", ".venv", "tests", "figures", ".course")
    )
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "-q", "--no-deps", "-w", folder, source], check=True)
    (wheel,) = folder.glob("backprop_exercises-*.whl")
    place = folder / "venv"
    venv.create(place)
    (packages,) = place.glob("lib/python*/site-packages")
    shared = str(Path(torch.__file__).resolve().parents[1])
    (packages / "shared.pth").write_text(f"{shared}\n", encoding="utf-8")
    python = str(place / "bin" / "python")
    subprocess.run([*pip, "--python", python, "install", "-q", "--no-deps", wheel], check=True)
    yield folder


@pytest.mark.slow
def test_a_wheel_carries_the_course_and_no_tests(installed: Path) -> None:
    (wheel,) = installed.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert not [name for name in names if "/tests/" in name or "solutions" in name]
    for stem in stems():
        assert f"checks/course/data/stubs/{stem}.py" in names
        assert f"checks/course/data/{stem}.toml" in names


@pytest.mark.slow
def test_an_installed_wheel_makes_a_copy_and_grades_it(installed: Path) -> None:
    backprop = str(installed / "venv" / "bin" / "backprop")
    assert "backprop init DIR" in run(installed, backprop).stderr
    done = run(installed, backprop, "init", "mine")
    assert (done.returncode, done.stderr) == (0, "")
    copy = installed / "mine"
    assert {path.name for path in copy.iterdir()} == COPIED
    (copy / "exercises" / f"{STEM}.py").write_text(solution(STEM), encoding="utf-8")
    shutil.rmtree(copy / "checks")  # what grades is the installed course
    done = run(copy, backprop, "check", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "Lesson 1 is complete" in done.stdout
    done = run(copy, backprop, "reset", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert (copy / "exercises" / f"{STEM}.py").read_text(encoding="utf-8") == cut(solution(STEM))
