"""Processes for student code: every way to start them, and what happens when they die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from checks.grader.records.course import ROOT
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.tests.submissions import grade_text, patched, solution, verdict_of

STEM = "lesson1_linear"


def test_a_fresh_process_per_lesson_gives_the_same_verdicts() -> None:
    """The way of systems without fork."""
    with Server("fresh") as fresh:
        code = "def grad_by_hand(x, y, w):\n    return (x * w - y) * x"
        report = grade_text(fresh, STEM, patched(STEM, "grad_by_hand", code))
    assert verdict_of(report, "grad_by_hand").misconception == "missing_factor_2"
    assert report.points == report.max_points - 3


def test_a_process_that_was_killed_is_started_again_for_the_next_exercise(server: Server) -> None:
    code = "def multiply_backward(x, w, upstream):\n    import os; os.kill(os.getpid(), 9)"
    report = grade_text(server, STEM, patched(STEM, "multiply_backward", code))
    assert [v.status for v in report.verdicts].count("passed") == 5


def test_a_server_that_was_killed_is_started_again_and_leaves_nothing_at_its_end(
    tmp_path: Path,
) -> None:
    pid_file = tmp_path / "pid"
    code = (
        "def forward(x, w):\n"
        f"    import os, time; open({str(pid_file)!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)"
    )
    with Server("exec") as own:
        os.kill(own.pid, signal.SIGKILL)
        assert grade_text(own, STEM, solution(STEM)).points == 12
        report = grade_text(own, STEM, patched(STEM, "forward", code), Settings(time_limit=1.0))
        assert verdict_of(report, "forward").status == "timeout"
    time.sleep(0.05)
    with pytest.raises(ProcessLookupError):
        os.kill(int(pid_file.read_text(encoding="utf-8")), 0)


def test_student_code_cannot_import_the_course(server: Server) -> None:
    code = (
        "def forward(x, w):\n"
        "    import sys, importlib\n"
        "    ours = [n for n in sys.modules if n.startswith('checks')]\n"
        "    for name in ours: del sys.modules[name]\n"
        "    importlib.import_module('checks.lesson1_linear')"
    )
    verdict = verdict_of(grade_text(server, STEM, patched(STEM, "forward", code)), "forward")
    assert verdict.status == "error"
    assert "ModuleNotFoundError" in verdict.message


def test_expected_values_are_in_no_childs_memory(server: Server) -> None:
    """The checks of the lessons were never imported in the process that is forked."""
    code = (
        "def forward(x, w):\n"
        "    import sys\n"
        "    names = sorted(n for n in sys.modules if n.startswith('checks.'))\n"
        "    raise ValueError(' '.join(names))"
    )
    verdict = verdict_of(grade_text(server, STEM, patched(STEM, "forward", code)), "forward")
    assert "checks.grader.running.inside.worker" in verdict.message
    for name in ("language", "grading", "classroom", "author", "figures"):
        assert f"checks.grader.{name}" not in verdict.message
        assert "checks.lesson" not in verdict.message


def test_the_server_starts_no_autograd_and_no_optimiser_step_before_it_forks() -> None:
    """On a GPU machine either would touch CUDA, and no child could use it or autograd again."""
    code = (
        "import torch\n"
        "def refuse(*args, **kwargs): raise SystemExit('touched')\n"
        "torch.autograd.backward = torch.optim.SGD.step = torch.cuda.is_available = refuse\n"
        "from checks.grader.running.inside import worker; worker.prepare()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
