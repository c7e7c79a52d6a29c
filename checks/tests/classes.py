"""Classes of made-up students for the tests and for the bench: right, wrong, unfinished, broken.

And how a test grades one and reads what came of it.
"""

from __future__ import annotations

import atexit
import csv
import io
import json
import random
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, Future
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from unittest import mock

from checks.grader.classroom import marking
from checks.grader.classroom.exports import Entry
from checks.grader.classroom.pool import Pool
from checks.grader.commands import cli
from checks.grader.records.course import ROOT, stems
from checks.grader.records.verdict import Settings
from checks.grader.running.server import Server
from checks.tests.submissions import Patch, bank, patched, solution

BROKEN = (
    "while True:\n    pass\n",
    "import os\nos._exit(0)\n",
    "def forward(:\n",
    "raise RuntimeError('at import')\n",
)


def write_class(
    folder: Path, size: int, *, lessons: Sequence[str] = (), broken: float = 0.01
) -> None:
    """Write <folder>/student0001/… The same class for the same size.

    broken   the share of students one of whose files loops, crashes or cannot be imported
    """
    dice = random.Random(size)
    taken = list(lessons) or stems()
    wrong = {stem: [p for p in bank(stem) if p.status in ("wrong", "error")] for stem in taken}
    breaking = set(dice.sample(range(size), round(broken * size)))
    for i in range(size):
        student = folder / f"student{i:05}"
        student.mkdir(parents=True)
        for stem in taken:
            text = _lesson(dice, stem, wrong[stem])
            (student / f"{stem}.py").write_text(f"# {i}\n{text}", encoding="utf-8")
        if i in breaking:
            text = BROKEN[dice.randrange(len(BROKEN))]
            (student / f"{dice.choice(taken)}.py").write_text(text, encoding="utf-8")


def _lesson(dice: random.Random, stem: str, wrong: Sequence[Patch]) -> str:
    """Half of the lessons are right, a third has one mistake, the rest is not begun."""
    kind = dice.random()
    if kind < 0.5 or (kind < 5 / 6 and not wrong):
        return solution(stem)
    if kind < 5 / 6:
        patch = dice.choice(wrong)
        return patched(stem, patch.exercise, patch.code)
    return (ROOT / "exercises" / f"{stem}.py").read_text(encoding="utf-8")


def run(*arguments: str, timeout: float = 300.0) -> subprocess.CompletedProcess[str]:
    """`python -m checks classroom` with these arguments."""
    return subprocess.run(
        command(*arguments), cwd=ROOT, capture_output=True, text=True, timeout=timeout
    )


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "checks", "classroom", *arguments]


class Here(Executor):
    """In the place of a pool of processes: this one grades, and counts what it was given.

    most  how many it takes before the run ends, as with Ctrl-C; all if it is None
    """

    def __init__(self, most: int | None = None) -> None:
        self.taken, self.most = 0, most

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        if self.taken == self.most:
            raise KeyboardInterrupt
        self.taken += 1
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


@cache
def server_of_all() -> Server:
    """One for all tests of this process, in a process of its own: pytest may have threads by now.

    To import PyTorch costs a second each time.
    """
    running = Server("exec")
    atexit.register(running.close)
    return running


GRADER, NEW_GRADER = marking.Grader, marking._grader.__wrapped__


def open_grader(settings: Settings) -> marking.Grader:
    """A grader without a sandbox; its server is a fork of the one of all."""
    other = server_of_all().another()
    with mock.patch("checks.grader.running.server.Server", lambda *_: other):
        return GRADER(settings, "off")


def _new_grader(settings: Settings, mode: marking.Mode) -> marking.Grader:
    return open_grader(settings) if mode == "off" else GRADER(settings, mode)


@cache
def _grader(rules: marking.Rules) -> marking.Grader:
    """One for all runs by the same rules, until this process ends."""
    with mock.patch("checks.grader.classroom.marking.Grader", _new_grader):
        grader = NEW_GRADER(rules, 0)
    atexit.register(grader.close)
    return grader


def _same(rules: marking.Rules) -> marking.Grader:
    return _grader(replace(rules, graphs=False))  # it does not decide about them


def run_here(*arguments: str, executor: Executor | None = None) -> subprocess.CompletedProcess[str]:
    """The same command in this process, where nothing has to be started a second time.

    There is no sandbox, unless `arguments` ask for one.
    """
    here = executor or Here()
    pool = Pool(here, 1, lambda: here)
    out, err = io.StringIO(), io.StringIO()
    with (
        mock.patch("checks.grader.classroom.pool.processes", lambda _: nullcontext(pool)),
        mock.patch("checks.grader.classroom.marking._grader", lambda rules, _: _same(rules)),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        status = cli.main(["classroom", "--sandbox", "off", *arguments])
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def hand_in(folder: Path, student: str, **files: str) -> Path:
    """Write a student's lesson files."""
    (folder / student).mkdir(parents=True)
    for stem, text in files.items():
        (folder / student / f"{stem}.py").write_text(text, encoding="utf-8")
    return folder / student


def grades(out: Path) -> dict[str, dict[str, str]]:
    """grades.csv by student."""
    with open(out / "grades.csv", encoding="utf-8-sig", newline="") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


def result(out: Path, student: str) -> Any:
    return json.loads((out / "results" / Entry(student).result_name).read_text(encoding="utf-8"))


def contents(out: Path) -> dict[str, bytes]:
    """Every file below a folder."""
    return {str(p.relative_to(out)): p.read_bytes() for p in out.rglob("*") if p.is_file()}


class Page(HTMLParser):
    """The tags, links and texts of a page."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.links: list[str] = []
        self.text = ""
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data
