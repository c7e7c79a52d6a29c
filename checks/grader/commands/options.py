"""Options that commands share, what they mean, and the one line for what cannot be meant.

torch is imported by the commands, after the options were found good, and before anything else of
the grader: the server is forked from a process that holds no expected value.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import TYPE_CHECKING

from checks.grader.records import course
from checks.grader.records.course import home
from checks.grader.records.misuse import Misuse
from checks.grader.running.device import unusable

if TYPE_CHECKING:
    from checks.grader.reports.terminal import Ink

#: Columns of a report: lines that are wider are hard to read, and tables need some.
NARROWEST, WIDEST = 40, 100


def add_lesson_files(parser: ArgumentParser) -> None:
    """Which lessons, and where their files are."""
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="3, lesson3 or its full name")
    parser.add_argument(
        "--from",
        dest="source",
        default=_exercises(),
        metavar="PATH",
        help="a folder with lesson files, or one lesson file (default: exercises)",
    )


def _exercises() -> str:
    return os.path.relpath(home() / "exercises")


def is_own(source: str) -> bool:
    """Whether these are the lessons of the student whose course this is."""
    own = (home() / "exercises", home() / "notebooks")
    return any(Path(source).resolve().is_relative_to(folder.resolve()) for folder in own)


def add_running(parser: ArgumentParser) -> None:
    """The options of everything that runs student code."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draw other inputs")
    add_time_limit(parser)


def add_time_limit(parser: argparse.ArgumentParser, default: float = 10.0) -> None:
    parser.add_argument(
        "--time-limit",
        type=positive,
        default=default,
        metavar="SECONDS",
        help=f"per exercise (default: {default:g})",
    )


def processors() -> int:
    """The processors that this process may use."""
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own else os.cpu_count() or 1


def count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 1024")
    return value


def positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value


def usable(device: str) -> None:
    problem = unusable(device)
    if problem:
        raise Misuse(problem)


def files_of(source: str, lessons: list[str]) -> list[tuple[str, Path]]:
    """The stem and path of every file to grade."""
    path = Path(source)
    if path.is_dir():
        return [(stem, _lesson_in(path, stem)) for stem in stems_of(lessons)]
    if not path.exists() and source == _exercises():
        raise Misuse("there is no folder exercises/ here: `backprop init DIR` makes the course's")
    if not path.exists():
        raise Misuse(
            f"there is no {source!r}: --from takes a folder with lesson files, or one file"
        )
    stems = stems_of(lessons) if lessons else [stem_of(path.stem)]
    if len(stems) != 1:
        raise Misuse(f"{source!r} is one file: name the one lesson that it holds")
    return [(stems[0], path)]


def _lesson_in(folder: Path, stem: str) -> Path:
    """The lesson file of a folder; its notebook where there is nothing else."""
    path, notebook = folder / f"{stem}.py", folder / f"{stem}.ipynb"
    return notebook if notebook.exists() and not path.exists() else path


def stem_of(name: str) -> str:
    return stems_of([name])[0]


def stems_of(names: list[str]) -> list[str]:
    try:
        return course.find_all(names)
    except LookupError as problem:
        raise Misuse(str(problem.args[0])) from problem


def writable(output: str | None) -> None:
    if output not in (None, "-") and not Path(str(output)).resolve().parent.is_dir():
        raise Misuse(f"cannot write {output}: its folder does not exist")


def ink() -> Ink:
    """The terminal that standard output is: its colours, its width, and how we were called."""
    from checks.grader.reports.terminal import WIDTH, Ink

    if not sys.stdout.isatty():
        return Ink(called=_called())
    columns = shutil.get_terminal_size((WIDTH, 24)).columns
    return Ink("NO_COLOR" not in os.environ, max(NARROWEST, min(columns, WIDEST)), _called())


def _called() -> str:
    """What the student typed: make says so itself, in a variable."""
    if "CALLED_BY" in os.environ:
        return os.environ["CALLED_BY"]
    return "backprop" if Path(sys.argv[0]).stem == "backprop" else "python -m checks"


def shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
