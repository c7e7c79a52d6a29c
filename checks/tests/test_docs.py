"""README and docs say what is so: tables are generated, commands and links exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from checks.grader.author.tables import MISTAKES, README, mistakes, readme
from checks.grader.commands.cli import COMMANDS
from checks.grader.records.course import ROOT

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


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_make_is_asked_for_is_in_the_makefile(page: Path) -> None:
    named = set(re.findall(r"\bmake ([a-z][a-z-]*)", _code(page.read_text(encoding="utf-8"))))
    missing = {name for name in named if not re.search(rf"^{name}:", MAKEFILE, re.MULTILINE)}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_that_are_shown_exist(page: Path) -> None:
    known = {command.__name__.rpartition(".")[2] for command in COMMANDS}
    text = _code(page.read_text(encoding="utf-8"))
    named = set(re.findall(r"(?:-m checks|\bbackprop) ([a-z]+)\b", text))
    assert named <= known


def _code(text: str) -> str:
    """What stands in code: fenced blocks and `spans`."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", text, re.DOTALL))
