"""The checks as a Gradescope autograder."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from checks.grader.commands.cli import main
from checks.grader.records.course import ROOT
from checks.tests.classes import hand_in
from checks.tests.submissions import patched, solution

STEM = "lesson1_linear"
HALF = patched(STEM, "grad_by_hand", "def grad_by_hand(x, y, w):\n    return (x * w - y) * x\n")
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="needs links and signals of POSIX")


def test_gradescope_gets_one_test_per_exercise(tmp_path: Path) -> None:
    folder = hand_in(tmp_path, "submission", lesson1_linear=HALF)
    files = {"--gradescope": tmp_path / "results.json", "--junit": tmp_path / "junit.xml"}
    options = [part for option, path in files.items() for part in (option, str(path))]
    assert main(["check", "1", "--from", str(folder), *options]) == 1
    report = json.loads(files["--gradescope"].read_text(encoding="utf-8"))
    assert report["score"] == 9 == sum(test["score"] for test in report["tests"])
    keys = {"score", "max_score", "status", "name", "output", "tags", "visibility"}
    assert all(keys <= set(test) for test in report["tests"])
    failed = [test for test in report["tests"] if test["status"] == "failed"]
    assert [test["tags"] for test in failed] == [["missing_factor_2"]]
    suite = ET.parse(files["--junit"]).getroot()[0]
    assert suite.get("tests") == "6" and suite.get("failures") == "1"


@POSIX
def test_the_gradescope_scripts_grade_a_submission(tmp_path: Path) -> None:
    for name in ("checks", "data"):
        shutil.copytree(ROOT / name, tmp_path / "source" / name)
    (tmp_path / "results").mkdir()
    (tmp_path / "venv").symlink_to(sys.prefix)
    hand_in(tmp_path, "submission", lesson1_linear=solution(STEM))
    script = ROOT / "checks" / "gradescope" / "run_autograder"
    environment = os.environ | {"AUTOGRADER": str(tmp_path)}
    done = subprocess.run([script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "results" / "results.json").read_text(encoding="utf-8"))
    assert report["score"] == 12
