"""What the course's processes leave out of torch is missed by nobody."""

from __future__ import annotations

import subprocess
import sys

import pytest
import torch

from checks.grader.records.course import ROOT
from checks.grader.running.inside.stand_ins import Without

#: A PyTorch whose torch.ao, which a layer asks for, imports torch.export by itself.
OLDEST = torch.__version__.startswith("2.6.")


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
        "names = [m.__name__ for m in stand_ins()]\n"
        "print(status, *(name for name in names if type(sys.modules[name]) is not StandIn))\n"
    )
    status, *needed = run("-c", code).splitlines()[-1].split()
    assert status == "0"
    assert needed == [] or (OLDEST and needed == ["torch.export"])


def test_a_pytorch_that_is_newer_than_those_tried_is_imported_whole(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("torch.version.__version__", "2.13.1+cpu")
    assert Without().find_spec(Without.NAME) is not None
    monkeypatch.setattr("torch.version.__version__", "2.14.0a0+git123")
    assert Without().find_spec(Without.NAME) is None
