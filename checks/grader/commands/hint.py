"""The next hint."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.check import grade_files
from checks.grader.commands.options import (
    stem_of,
)
from checks.grader.records import course

HELP = "the next hint, mild to explicit"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("target", metavar="LESSON[.FUNCTION]", help="3 or 3.grad_by_hand")


def run(options: Namespace) -> int:
    """Print the next hint of a function; of the first open one if only the lesson is named."""
    from checks.grader.commands.hints import next_hint

    lesson, _, function = options.target.partition(".")
    stem = stem_of(lesson)
    if not function:
        function = _first_open(stem)
    print(next_hint(stem, function))
    return 0


def _first_open(stem: str) -> str:
    """The first exercise of a student's lesson that is not passed; its first if all are."""
    options = Namespace(device="cpu", dtype="float32", seed=0, time_limit=10.0)
    report = grade_files([(stem, course.ROOT / "exercises" / f"{stem}.py")], options)
    verdicts = report.lessons[0].verdicts
    return next((v.exercise for v in verdicts if v.status != "passed"), verdicts[0].exercise)
