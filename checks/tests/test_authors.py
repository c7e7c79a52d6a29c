"""Who writes a lesson: what is declared wrong says so, and a new lesson needs no other edit."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from checks.grader.author.declared import problems
from checks.grader.language.inputs import Dice
from checks.grader.language.lesson import Exercise, Lesson, Words, load
from checks.grader.language.net import net
from checks.grader.language.slips import halved
from checks.grader.records.course import ROOT, number, stems

#: `make solutions` and `make test` of one lesson; one process imports PyTorch once.
BOTH = """
import sys
import pytest
from checks.grader.commands.cli import main
number, *tests = sys.argv[1:]
sys.exit(main(["verify", number]) or pytest.main(tests))
"""
WORDS = {
    "exercise": {"forward": {"points": 1, "idea": "Multiply.", "hints": ["What?", "With what?"]}},
    "says": {"doubled": "This is double."},
}


@net("w")
def line(x: Tensor, w: Tensor) -> Tensor:
    return w * x


def told(wrong: Any, **changed: Any) -> list[str]:
    """What the author of lesson 1 with one exercise is told; `wrong` is declared as `doubled`."""
    exercise = Exercise(
        "forward", lambda x, w: x * w, ("ŷ",), {"doubled": wrong}, slipped=line.gradient
    )
    exercise = replace(exercise, draw=draw, truth=forward)
    exercise = replace(Words(WORDS).filled_in(exercise), **changed)
    return list(problems("lesson1_linear", Lesson("One", (exercise,), draw)))


def forward(x: Tensor, w: Tensor) -> Tensor:
    return x * w


def draw(dice: Dice) -> dict[str, Any]:
    return {"x": dice.number("x"), "w": dice.number("w")}


def of_forward(lines: list[str]) -> list[str]:
    """Without what lesson 1's data say of exercises that are not there."""
    return [line for line in lines if line.startswith("forward: ")]


def test_a_lesson_in_order_says_nothing() -> None:
    assert of_forward(told(lambda x, w: 2 * x * w)) == []


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (torch.sigmoid, "raises for every input: TypeError"),
        (halved("nowhere"), "has no node 'nowhere'"),
        (3, "3, of doubled, is neither a slip, a loop nor a formula"),
        ([lambda x, w: 2 * x * w, "x"], "'x', of doubled, is neither"),
    ],
)
def test_what_can_never_be_computed_is_told(wrong: Any, words: str) -> None:
    assert any(words in line for line in of_forward(told(wrong)))


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"points": 0}, "no points"),
        ({"hints": ("one",)}, "1 hints; two to four are wanted"),
        ({"idea": ""}, "no idea"),
    ],
)
def test_missing_words_are_told(changed: dict[str, Any], words: str) -> None:
    assert any(words in line for line in of_forward(told(lambda x, w: 2 * x * w, **changed)))


def test_an_id_without_words_is_told() -> None:
    exercise = Exercise("forward", forward, ("ŷ",), {"never_heard_of": lambda x, w: x})
    lesson = Lesson("One", (Words(WORDS).filled_in(replace(exercise, draw=draw)),), draw)
    lines = of_forward(list(problems("lesson1_linear", lesson)))
    assert "forward: the mistake never_heard_of has no words" in lines


def test_a_literal_of_another_form_is_told() -> None:
    lines = told(lambda x, w: 2 * x * w, truth=lambda x, w: (x * w, x))
    assert any("another form" in line for line in of_forward(lines))


@pytest.mark.parametrize("stem", stems())
def test_nothing_is_declared_wrong_in_the_course(stem: str) -> None:
    assert list(problems(stem, load(stem))) == []


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A copy of the course, to add a lesson to."""
    copy = tmp_path_factory.mktemp("course")
    for folder in ("checks", "data", "exercises", "solutions"):
        ignored = shutil.ignore_patterns("__pycache__", "*.backup*")
        shutil.copytree(ROOT / folder, copy / folder, ignore=ignored)
    for file in ("pyproject.toml", "README.md", "Makefile"):
        shutil.copy(ROOT / file, copy)
    if (ROOT / "docs").is_dir():
        shutil.copytree(ROOT / "docs", copy / "docs")
    yield copy


@pytest.fixture(scope="module")
def run(course: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    def python(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=course,
            capture_output=True,
            text=True,
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(course), "NO_COLOR": "1"},
        )

    return python


@pytest.mark.slow
def test_a_new_lesson_needs_no_other_edit(
    course: Path, run: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    made = run("-m", "checks", "lesson", "doubled_sigmoid")
    assert made.returncode == 0, made.stderr
    last = max(map(number, stems())) + 1
    stem = f"lesson{last}_doubled_sigmoid"
    filled_in(course, stem)
    tests = [f"checks/tests/test_{name}.py" for name in ("bank", "claims", "lessons")]
    chosen = f"lesson{last} or readme or folders or points"
    tested = run("-c", BOTH, str(last), "-p", "no:xdist", *tests, "-k", chosen)
    assert tested.returncode == 0, tested.stdout[-3000:] + tested.stderr
    assert "0 corrected" in tested.stdout
    passed = re.search(r"^(\d+) passed", tested.stdout, re.MULTILINE)
    assert passed and int(passed[1]) > 20, tested.stdout


def filled_in(course: Path, stem: str) -> None:
    """What an author does, in small: ŷ = σ(2·w·x) in place of σ(w·x)."""
    changes = {
        f"solutions/{stem}.py": [
            ("sigmoid(w * x)", "sigmoid(2 * w * x)"),
            ("(1 - y_hat) * x", "(1 - y_hat) * 2 * x"),
        ],
        f"checks/{stem}.py": [
            ("z = w * x", "z = 2 * w * x"),
            ("exp(-w * x)", "exp(-2 * w * x)"),
            ("(1 - y_hat) * x", "(1 - y_hat) * 2 * x"),
            ("sigmoid(w * x)", "sigmoid(2 * w * x)"),
            ("x, w: w * x}", "x, w: 2 * w * x}"),
        ],
        f"data/{stem}.toml": [
            ("w = 0.5", "w = 0.25"),
            ("-0.21150837113706686", "-0.4230167422741337"),
        ],
        f"checks/tests/bank/{stem}.py": [
            ("return w * x", "return 2 * w * x"),
            ("exp(-x * w)", "exp(-2 * x * w)"),
            ("- y) * x", "- y) * 2 * x"),
            ("* x * 2", "* x * 4"),
        ],
    }
    for path, pairs in changes.items():
        text = (course / path).read_text(encoding="utf-8")
        for old, new in pairs:
            assert old in text, (path, old)
            text = text.replace(old, new)
        (course / path).write_text(text, encoding="utf-8")
    check = (course / f"checks/{stem}.py").read_text(encoding="utf-8")
    check = check.replace('"x = 2, y = 1, w = 0.5"', '"x = 2, y = 1, w = 0.25"')
    (course / f"checks/{stem}.py").write_text(check, encoding="utf-8")
    from_solution = "from checks.grader.author.stub import write_stubs; write_stubs()"
    subprocess.run(
        [sys.executable, "-c", from_solution],
        cwd=course,
        check=True,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(course)},
    )
