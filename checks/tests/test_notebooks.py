"""Lessons as notebooks: written, filled in, run in a real kernel, graded as files."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from checks.grader.author.stub import cut
from checks.grader.language.lesson import load
from checks.grader.records.cells import source_of, source_of_cells
from checks.grader.records.course import ROOT, number, stems
from checks.grader.records.notebook import notebook_of
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, solution
from checks.tests.typed import Typed, typed

__all__ = ["typed"]  # a fixture

STEM = stems()[0]


def exercises_of(stem: str) -> list[str]:
    return [exercise.name for exercise in load(stem).exercises]


@pytest.mark.parametrize("stem", stems())
def test_a_notebook_has_a_cell_per_function_and_a_check_after_each(stem: str) -> None:
    notebook: Any = nbformat.reads(
        notebook_of(stem, cut(solution(stem)), exercises_of(stem)), as_version=4
    )  # type: ignore[no-untyped-call]
    nbformat.validate(notebook)
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    for exercise in load(stem).exercises:
        (place,) = [
            i
            for i, c in enumerate(code)
            if c.startswith((f"def {exercise.name}(", f"class {exercise.name}("))
        ]
        assert f"TODO {number(stem)}." in code[place]
        assert code[place + 1] == f'check("{number(stem)}.{exercise.name}", {exercise.name})'


@pytest.mark.parametrize("stem", stems())
def test_a_notebook_with_the_solutions_is_as_good_as_the_file(stem: str, server: Server) -> None:
    report = grade_text(
        server, stem, source_of(notebook_of(stem, solution(stem), exercises_of(stem)))
    )
    assert report.points == report.max_points


def test_what_only_tries_something_out_is_not_run_when_the_notebook_is_graded() -> None:
    cells = [
        "%matplotlib inline\nimport torch",
        "SCALE = 2\nw = 1 / 0\nprint('an hour of training')",
        "@staticmethod\ndef forward(x, w):\n    # mine\n    return SCALE * x",
        "half = (",
        "from checks import check\ncheck('1.forward', forward)\nforward?",
    ]
    text = source_of_cells(cells)
    assert "import torch" in text and "SCALE = 2" in text and "@staticmethod\ndef forward" in text
    assert "# mine" in text
    assert not any(word in text for word in ("1 / 0", "print", "half", "checks", "%"))


@pytest.mark.parametrize(
    ("cells", "kept"),
    [
        (["A = 1\nB = A + 1\nC = 2", "def f():\n    return B"], "B = A + 1"),
        (["A = 1", "def f(x=A):\n    return x"], "A = 1"),
        (["A = 1", "def f(x, x):\n    return A"], "A = 1"),
        (["%%writefile lesson1.py\nA = 1\ndef f():\n    return A"], "A = 1"),
        (["files = !ls\nA = 1", "def f():\n    return A"], "A = 1"),
    ],
    ids=["through another", "as a default", "cannot run", "written to a file", "a shell's answer"],
)
def test_what_a_function_needs_comes_with_it(cells: list[str], kept: str) -> None:
    text = source_of_cells(cells)
    assert kept in text and "def f(" in text and "C = 2" not in text


def test_a_function_in_a_cell_that_is_no_python_says_so(server: Server) -> None:
    text = source_of_cells(["import torch", "def forward(x, w):\n    return (x * w"])
    forward, *_ = grade_text(server, STEM, text).verdicts
    assert forward.status == "error" and "cannot read the cell that defines it" in forward.message


def test_a_cell_that_is_no_python_takes_no_good_function_with_it() -> None:
    text = source_of_cells(["def forward(x, w):\n    return x * w", "def forward(x, w:"])
    assert "x * w" in text and "SyntaxError" not in text


def test_a_fault_in_a_notebook_is_told_by_its_cell(tmp_path: Path, typed: Typed) -> None:
    cells = ["import torch", "print('tried')", "def forward(x, w):\n    return x * nothing"]
    code = [{"cell_type": "code", "source": cell} for cell in cells]
    path = tmp_path / f"{STEM}.ipynb"
    path.write_text(json.dumps({"cells": code}), encoding="utf-8")
    told = typed("check", "1", "--from", str(path)).out
    assert "raised NameError (code cell 3)" in " ".join(told.split())
    assert f"→ {path}\n" in told


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cells": 3}', '{"cells": [1]}', "[" * 99999])
def test_what_is_no_notebook_is_said_to_be_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no notebook"):
        source_of(text)


def test_a_notebook_is_graded_by_check_and_never_overwritten(tmp_path: Path, typed: Typed) -> None:
    write = ["notebook", "1", "--from", "solutions", "--out", str(tmp_path)]
    assert typed(*write).status == 0
    notebook = tmp_path / f"{STEM}.ipynb"
    notebook.write_text(notebook.read_text(encoding="utf-8") + " ", encoding="utf-8")
    again = typed(*write)
    assert again.status == 0 and "stays as it is" in again.out
    assert notebook.read_text(encoding="utf-8").endswith(" ")
    for source in (notebook, tmp_path):
        assert typed("check", "1", "--from", str(source)).status == 0


def executed(stem: str, source: str, folder: Path) -> list[Mapping[str, Any]]:
    """The code cells of a lesson's notebook after a run in a kernel, in a folder of its own."""
    notebook: Any = nbformat.reads(notebook_of(stem, source, exercises_of(stem)), as_version=4)  # type: ignore[no-untyped-call]
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources=place, allow_errors=True
    ).execute(env=os.environ | {"PYTHONPATH": str(ROOT)})
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


@pytest.mark.slow
@pytest.mark.parametrize("stem", stems())
def test_a_notebook_with_the_solutions_runs_in_jupyter(stem: str, tmp_path: Path) -> None:
    cells = executed(stem, solution(stem), tmp_path)
    outputs = [output for cell in cells for output in cell["outputs"]]
    assert [output for output in outputs if output["output_type"] == "error"] == []
    checks = [cell for cell in cells if cell["source"].startswith("check(")]
    assert len(checks) == len(load(stem).exercises) + 1
    for cell in checks:
        (output,) = cell["outputs"]
        assert "Well done" in output["data"]["text/plain"], cell["source"]
        assert "✗" not in output["data"]["text/html"]
    shown = [output for output in cells[-1]["outputs"] if "image/png" in output.get("data", {})]
    assert len(shown) == len(load(stem).figures)


@pytest.mark.slow
def test_an_untouched_notebook_says_what_to_do(tmp_path: Path) -> None:
    cells = executed(STEM, cut(solution(STEM)), tmp_path)
    (output,) = next(c for c in cells if c["source"].startswith('check("1.forward"'))["outputs"]
    assert "TODO 1.1" in output["data"]["text/html"]


def test_the_json_of_a_notebook_is_stable() -> None:
    text = notebook_of(STEM, solution(STEM), exercises_of(STEM))
    assert text == notebook_of(STEM, solution(STEM), exercises_of(STEM))
    assert {cell["id"] for cell in json.loads(text)["cells"]} >= {"cell-0", "cell-1"}
