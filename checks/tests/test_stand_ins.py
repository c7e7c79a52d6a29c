"""What the course's processes leave out of torch is missed by nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest

from checks.grader.records.course import ROOT
from checks.grader.running.inside.stand_ins import stand_ins


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        timeout=120,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
def test_every_operation_gives_what_it_gives_with_all_of_torch() -> None:
    lines = run("-m", "checks.tests.of_torch").splitlines()
    assert len(lines) > 50
    assert not [line for line in lines if "Error" in line]
    assert run("-m", "checks.tests.of_torch", "lean").splitlines() == lines


def test_a_check_of_right_work_needs_none_of_what_is_left_out() -> None:
    code = (
        "import sys\n"
        "from checks.grader.commands.cli import main\n"
        "from checks.grader.running.inside.stand_ins import StandIn, put_in_place, stand_ins\n"
        "put_in_place()\n"
        "status = main(['check', '1', '5', '7', '--from', 'solutions'])\n"
        "left = [m.__name__ for m in stand_ins() if type(sys.modules[m.__name__]) is StandIn]\n"
        "print(status, len(left))\n"
    )
    assert run("-c", code).splitlines()[-1] == f"0 {len(stand_ins())}"
