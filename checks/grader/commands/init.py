"""A student's copy of the course."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path

from checks.grader.commands.options import shown

HELP = "make a student's copy of the course in a new folder"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="where it goes; nothing is overwritten")


def run(options: Namespace) -> int:
    """Write the copy and say how to begin."""
    from checks.grader.author.copy import write_copy

    folder = Path(options.folder)
    write_copy(folder)
    print(f"The course is in {shown(folder.absolute())}. To begin:\n")
    print(f"  cd {shown(folder.absolute())}")
    print("  make                  (without make, as on Windows: see README.md)")
    return 0
