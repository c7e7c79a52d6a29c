"""Commands run in this process, as they would be typed in a folder: a process of their own, and
torch imported into it, cost two seconds each.

Test modules import the fixture `typed`.
"""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from checks.grader.commands.cli import main
from checks.grader.records.course import ROOT
from checks.grader.running.server import Server

Typed = Callable[..., "Done"]


@dataclass(frozen=True)
class Done:
    """What came of a command."""

    status: int
    out: str
    err: str


@pytest.fixture
def typed(
    server: Server, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Typed:
    """typed("check", "1", cwd=folder): the tests' server is the command's own."""
    monkeypatch.setattr(
        "checks.grader.running.server.Server", lambda *_: contextlib.nullcontext(server)
    )
    monkeypatch.setattr(sys, "argv", ["checks"])
    monkeypatch.delenv("CALLED_BY", raising=False)

    def run(*arguments: str, cwd: Path = ROOT) -> Done:
        capsys.readouterr()
        with monkeypatch.context() as there:
            there.chdir(cwd)
            status = main(arguments)
        return Done(status, *capsys.readouterr())

    return run
