"""Verify the solutions and the claims."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.options import (
    ink,
    stems_of,
    usable,
)
from checks.grader.records import course
from checks.grader.records.misuse import Misuse

HELP = "run the solutions and every claim"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("lessons", nargs="*", metavar="LESSON")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draw other inputs")


def run(options: Namespace) -> int:
    """Run the solutions in both dtypes and every claim of the notes; 0 if all hold."""
    stems = stems_of(options.lessons)
    if not (course.ROOT / "solutions").is_dir():
        raise Misuse("there is no folder solutions/ in this copy of the course")
    from checks.grader.running.server import Server

    with Server() as server:
        usable(options.device)
        from checks.grader.author.verify import verify_course

        return verify_course(server, stems, options.device, options.seed, ink())
