"""Put a stub back."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.options import (
    shown,
    stem_of,
)
from checks.grader.records import course
from checks.grader.records.misuse import Misuse

HELP = "put a stub back, keeping your file as a backup"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("lesson", metavar="LESSON")


def run(options: Namespace) -> int:
    """Put the stub back; the student's file stays beside it."""
    from checks.grader.author.stub import put_back

    stem = stem_of(options.lesson)
    try:
        backup = put_back(stem, course.home() / "exercises")
    except (LookupError, OSError) as problem:
        raise Misuse(str(problem)) from problem
    if backup:
        print(f"Your file is kept as {shown(backup)}.")
    print(f"The stub is back: {shown(course.home() / 'exercises' / f'{stem}.py')}")
    return 0
