"""README and docs say what is so: tables are generated, commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.grader.author.tables import MISTAKES, README, mistakes, readme
from checks.grader.commands.cli import COMMANDS
from checks.grader.grading.grade import grade
from checks.grader.grading.questions import questions_of, restricted
from checks.grader.records.course import ROOT
from checks.grader.records.verdict import Report, Settings
from checks.grader.reports.terminal import Ink, render
from checks.grader.running.server import Server
from checks.grader.running.session import single_session
from checks.tests.submissions import as_submission, patched

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")


def test_the_table_of_mistakes_is_the_one_that_the_lessons_give() -> None:
    assert MISTAKES.read_text(encoding="utf-8") == mistakes(), "stale: run `make tables`"


def test_the_table_of_lessons_is_the_one_that_the_lessons_give() -> None:
    assert README.read_text(encoding="utf-8") == readme(), "stale: run `make tables`"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_that_are_there(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    missing = [link for link in links if not (page.parent / link).exists()]
    assert not missing
    assert links or page.name != "README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_make_is_asked_for_is_in_the_makefile(page: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(page.read_text(encoding="utf-8"))))
    missing = {name for name in named if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)}
    assert not missing
    assert "check" in named or page.name != "README.md"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    known = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    text = _code(page.read_text(encoding="utf-8"))
    named = set(re.findall(r"(?:-m checks|\bbackprop) ([a-z]+)\b", text))
    assert named <= known


def test_the_verdict_in_the_readme_is_what_the_checker_prints(server: Server) -> None:
    stem, name = "lesson3_quadratic", "grad_by_hand"
    slip = "    r = forward(x, w1, w2, b) - y\n    return 2 * r * x, 2 * r * x, 2 * r\n"
    submission = as_submission(stem, patched(stem, name, f"def {name}(x, y, w1, w2, b):\n{slip}"))
    questions = restricted(questions_of(stem, Settings()), name)
    with single_session(server, submission, Settings()) as session:
        report = Report(Settings(), (grade(session, questions, submission),))
    shown = re.findall(r"```\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]
    verdict, _, where = shown.partition("  →")
    assert verdict in render(report, Ink())
    stub = (ROOT / "exercises" / f"{stem}.py").read_text(encoding="utf-8")
    todo = stub.index("# TODO", stub.index(f"def {name}"))
    line = stub[:todo].count("\n") + 1
    assert where.strip() == f"exercises/{stem}.py:{line}"


def _code(text: str) -> str:
    """What stands in code: fenced blocks and `spans`."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
