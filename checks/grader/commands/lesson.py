"""Begin a new lesson."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.options import shown
from checks.grader.records.misuse import Misuse

HELP = "write the files of a new lesson, to be filled in (docs/authors.md)"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("name", metavar="NAME", help="what it is about, as softmax")


def run(options: Namespace) -> int:
    """Write them, and say which."""
    from checks.grader.author.lesson import new_lesson

    try:
        written = new_lesson(options.name)
    except (ValueError, OSError) as problem:
        raise Misuse(str(problem)) from problem
    print("Written, and to be rewritten from here (docs/authors.md):")
    for path in written:
        print(f"  {shown(path)}")
    return 0
