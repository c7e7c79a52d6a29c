"""The rooms of the grader: imports go downwards only, and a contract breaks when one does not."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from checks.grader.records.course import ROOT

ROOMS = [p for p in sorted((ROOT / "checks" / "grader").iterdir()) if (p / "__init__.py").exists()]


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    """The contracts of pyproject.toml, held against the code of a folder."""
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code without its tests, to be spoilt."""
    pytest.importorskip("importlinter")
    shutil.copytree(ROOT / "checks", tmp_path / "checks", ignore=shutil.ignore_patterns("tests"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_imports_go_downwards_only(copy: Path) -> None:
    done = lint(copy)
    assert done.returncode == 0, done.stdout


#: An import upwards, by the module that makes it, and what the contracts say of it.
UPWARD = {
    "records/course.py": ("checks.grader.grading", "judge"),
    "running/inside/worker.py": ("checks.grader.language", "truth"),
    "reports/terminal.py": ("checks.grader.classroom", "page"),
    "grading/compare.py": ("matplotlib", "figure"),
}


def test_imports_upwards_break_the_contracts(copy: Path) -> None:
    for module, (above, name) in UPWARD.items():
        path = copy / "checks" / "grader" / module
        code = f"\nfrom {above} import {name}\n"
        path.write_text(path.read_text("utf-8") + code, encoding="utf-8")
    done = lint(copy)
    assert done.returncode != 0
    said = " ".join(done.stdout.split())
    for module, (above, _) in UPWARD.items():
        here = f"checks.grader.{module.removesuffix('.py').replace('/', '.')}"
        assert re.search(rf"{here} -> {above}", said), done.stdout


@pytest.mark.parametrize("room", ROOMS, ids=lambda room: room.name)
def test_a_room_says_in_one_sentence_what_it_is_for(room: Path) -> None:
    text = (room / "__init__.py").read_text(encoding="utf-8").split('"""')[1]
    first = text.partition("\n\n")[0].strip()
    assert 20 < len(first) < 120 and first.endswith(".")


def test_there_are_at_most_ten_rooms() -> None:
    assert 1 < len(ROOMS) <= 10
