"""The next hint."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.check import grade_files
from checks.grader.commands.options import ink, stem_of
from checks.grader.records import course

HELP = "the next hint, mild to explicit"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "target",
        nargs="?",
        default="",
        metavar="LESSON[.FUNCTION]",
        help="3 or 3.grad_by_hand (default: your first open exercise)",
    )
    parser.add_argument(
        "--all", action="store_true", help="show again the hints that you have had, and no new one"
    )


def run(options: Namespace) -> int:
    """Print the next hint of a function; of the first open one if none is named."""
    lesson, _, function = options.target.partition(".")
    stems = [stem_of(lesson)] if lesson else course.stems()
    stem, function = (stems[0], function) if function else _first_open(stems)

    from checks.grader.commands.hints import hints_so_far, next_hint
    from checks.grader.reports.terminal import wrapped

    look = ink()
    if options.all:
        hints = hints_so_far(stem, function) or [f"No hint for {function} has been shown yet."]
    else:
        hints = [next_hint(stem, function)]
    for hint in hints:
        print("\n".join(wrapped(hint, "", look)))
    if not options.all and hints_so_far(stem, function)[1:]:
        print(f"The earlier ones again: {_again(look.called, options.target)}")
    return 0


def _again(called: str, target: str) -> str:
    if called == "make":
        return f"make hint{f' LESSON={target}' if target else ''} ARGS=--all"
    return " ".join(filter(None, (called, "hint", target, "--all")))


def _first_open(stems: list[str]) -> tuple[str, str]:
    """The first exercise of the student's lessons that is not passed; the very first if all are."""
    options = Namespace(device="cpu", dtype="float32", seed=0, time_limit=10.0)
    files = [(stem, course.home() / "exercises" / f"{stem}.py") for stem in stems]
    report = grade_files(files, options)
    still_open = [
        (lesson.lesson, verdict.exercise)
        for lesson in report.lessons
        for verdict in lesson.verdicts
        if not verdict.passed
    ]
    return (*still_open, (stems[0], report.lessons[0].verdicts[0].exercise))[0]
