"""Write the lessons as notebooks."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path

from checks.grader.commands.options import add_lesson_files, files_of
from checks.grader.records.course import home, number

HELP = "write the lessons as notebooks"


def add_options(parser: ArgumentParser) -> None:
    add_lesson_files(parser)
    parser.add_argument(
        "--out",
        default=os.path.relpath(home() / "notebooks"),
        metavar="DIR",
        help="where the .ipynb files go (default: notebooks)",
    )


def run(options: Namespace) -> int:
    """Write each lesson file as a notebook; what is there already is somebody's work and stays."""
    from checks.grader.language.lesson import load
    from checks.grader.records.files import write_text
    from checks.grader.records.misuse import Misuse
    from checks.grader.records.notebook import notebook_of
    from checks.grader.running.intake import read_file

    folder = Path(options.out)
    for stem, path in files_of(options.source, options.lessons):
        target = folder / f"{stem}.ipynb"
        if target.exists():
            print(f"{target} is there already and stays as it is")
            continue
        lesson_file = read_file(path, stem)
        if lesson_file.source is None:
            raise Misuse(f"no notebook of lesson {number(stem)}: {lesson_file.problem}")
        try:
            exercises = [exercise.name for exercise in load(stem).exercises]
            text = notebook_of(stem, lesson_file.source, exercises)
        except SyntaxError as error:
            raise Misuse(f"no notebook of {path}: line {error.lineno} is no Python") from error
        write_text(target, text)
        print(f"{target}")
    return 0
