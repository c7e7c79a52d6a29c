"""`from checks import check`, as a notebook or a Python prompt uses it."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from checks import check
from checks.grader.records.course import ROOT, number, stems
from checks.grader.running.server import Server
from checks.tests.submissions import Patch, bank, grade_text, patched, verdict_of
from checks.tests.typed import Typed, typed

__all__ = ["typed"]  # a fixture

STEM = stems()[0]
PATCHES = [patch for patch in bank(STEM) if patch.status not in ("timeout", "crashed")][::3]

Tensor = torch.Tensor


def half_gradient(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    return (x * w - y) * x


def autograd_gradient(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
    leaf = w.detach().clone().requires_grad_()
    return torch.autograd.grad((x * leaf - y) ** 2, leaf)[0]


def forward(x: Tensor, w: Tensor) -> Tensor:
    return _times(x, w)


def _times(x: Tensor, w: Tensor) -> Tensor:
    return x * w


def _function(path: Path, source: str, name: str) -> Callable[..., Any]:
    """A function of a file, imported here: the bank holds no stranger's code."""
    path.write_text(source, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    function: Callable[..., Any] = getattr(module, name)
    return function


@pytest.mark.parametrize("patch", PATCHES, ids=str)
def test_a_function_gets_the_verdict_that_its_file_gets(
    patch: Patch, server: Server, tmp_path: Path
) -> None:
    source = patched(STEM, patch.exercise, patch.code)
    function = _function(tmp_path / "lesson.py", source, patch.exercise)
    here = check(f"{number(STEM)}.{patch.exercise}", function).report.lessons[0].verdicts[0]
    there = verdict_of(grade_text(server, STEM, source), patch.exercise)
    assert here == there


def test_a_lesson_gets_the_report_of_the_command(
    typed: Typed,
) -> None:
    fresh = typed(str(number(STEM)), "--from", str(ROOT / "exercises"))
    assert repr(check(number(STEM))) == fresh.out.rstrip()


def test_one_exercise_of_a_file_can_be_named() -> None:
    lesson = check("lesson1.loss").report.lessons[0]
    assert [verdict.exercise for verdict in lesson.verdicts] == ["loss"]


def test_a_function_named_like_an_exercise_needs_no_other_name() -> None:
    assert check(1, forward).passed


def test_a_function_under_another_name_is_held_to_the_method_too() -> None:
    result = check("lesson1.grad_by_hand", autograd_gradient)
    verdict = result.report.lessons[0].verdicts[0]
    assert verdict.status == "wrong_method"
    assert "`leaf" in verdict.message or "requires_grad_" in verdict.message


def test_autograd_is_not_watched_any_longer_afterwards() -> None:
    before = torch.autograd._engine_run_backward  # type: ignore[attr-defined]
    check("lesson1.grad_by_autograd", autograd_gradient)
    assert torch.autograd._engine_run_backward is before  # type: ignore[attr-defined]


def test_what_a_function_prints_is_shown_once_and_as_text(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def noisy(x: Tensor, y: Tensor, w: Tensor) -> Tensor:
        print("<script>alert(1)</script>")
        return w

    result = check("lesson1.grad_by_hand", noisy)
    assert capsys.readouterr().out == ""
    assert repr(result).count("you printed: <script>") == 1
    assert "<script>" not in result._repr_html_()
    assert "&lt;script&gt;" in result._repr_html_()


def test_jupyter_is_shown_the_same_words_and_numbers() -> None:
    result = check("lesson1.grad_by_hand", half_gradient)
    verdict = result.report.lessons[0].verdicts[0]
    html = result._repr_html_()
    assert verdict.message in html
    numbers = re.findall(r'<td style="text-align: right[^>]*>(−\d)</td>', html)
    assert numbers == ["−4", "−8", "−8"]
    assert html.count("of 3") == 1  # the score, once


def test_an_exercise_may_be_named_without_its_lesson() -> None:
    assert check("multiply_backward").report.lessons[0].lesson == STEM
    assert not check("power_grad", lambda k, x, b: k).passed


def test_everything_a_notebook_has_is_graded_together() -> None:
    cells = ["SCALE = 1", "def forward(x, w):\n    return SCALE * x * w"]
    namespace: dict[str, Any] = {"In": cells}
    for cell in cells:
        exec(cell, namespace)
    (lesson,) = check(1, namespace).report.lessons
    statuses = [verdict.status for verdict in lesson.verdicts]
    assert statuses == ["passed", *(["error"] * 5)]


def test_a_function_that_hangs_meets_its_time_limit() -> None:
    def endless(x: Tensor, w: Tensor) -> Tensor:
        while True:
            pass

    result = check("lesson1.forward", endless, time_limit=0.2)
    assert result.report.lessons[0].verdicts[0].status == "timeout"


def test_an_interrupt_reaches_the_notebook() -> None:
    def interrupted(x: Tensor, w: Tensor) -> Tensor:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check("lesson1.forward", interrupted)


def test_it_works_in_a_thread_that_cannot_have_an_alarm() -> None:
    results: list[bool] = []
    thread = threading.Thread(target=lambda: results.append(check(1, forward).passed))
    thread.start()
    thread.join()
    assert results == [True]


@pytest.mark.parametrize(
    ("arguments", "options", "says"),
    [
        ((99,), {}, "no lesson '99'"),
        (("1.backward",), {}, "no 'backward'; it has forward"),
        (("grad_by_hand", half_gradient), {}, r"lessons 1, 2.* check\('1.grad_by_hand', …\)"),
        ((None, {}), {}, "which lesson"),
        ((1, half_gradient), {}, "no 'half_gradient'"),
        ((None, forward), {}, "which exercise"),
        ((1,), {"dtype": "int8"}, "unknown dtype 'int8'"),
        ((1,), {"device": "tpu"}, "unknown device 'tpu'"),
    ],
)
def test_what_does_not_exist_is_a_value_error(
    arguments: tuple[Any, ...], options: dict[str, Any], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        check(*arguments, **options)


def test_the_package_imports_no_torch_and_a_check_no_matplotlib() -> None:
    code = (
        "import sys, checks; assert 'torch' not in sys.modules; "
        "checks.check('1.forward'); assert 'matplotlib' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_package_has_no_other_surprises() -> None:
    import checks

    with pytest.raises(AttributeError, match="no attribute 'chekc'"):
        _ = checks.chekc
