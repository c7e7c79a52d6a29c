"""Grade a class."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from checks.grader.commands.check import say_what_is_lacking
from checks.grader.commands.options import (
    add_time_limit,
    count,
    processors,
    shown,
)
from checks.grader.records.misuse import Misuse

HELP = "grade a folder of submissions"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", help="a folder or a zip file per student")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="where the results go (default: results)"
    )
    parser.add_argument(
        "--jobs", type=count, default=processors(), metavar="N", help="processes (default: all)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="default: drawn, and recorded")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://…")
    parser.add_argument(
        "--sandbox",
        choices=("auto", "require", "off"),
        default="auto",
        help="isolation: what there is (auto), all of it or nothing is graded (require), none",
    )
    add_time_limit(parser)


def run(options: Namespace) -> int:
    """Grade a folder of submissions; 0 if all of them were graded."""
    from checks.grader.classroom.marking import Differs, Unsafe
    from checks.grader.classroom.pool import cluster, processes
    from checks.grader.classroom.progress import Progress
    from checks.grader.classroom.run import Classroom, prepare, publish

    folder, out = Path(options.folder), Path(options.out)
    entries, ignored, rules = prepare(
        folder, out, options.seed, options.time_limit, options.sandbox
    )
    if ignored:
        print(f"Not a folder and not a zip file: {', '.join(ignored)}", file=sys.stderr)
    if not options.scheduler:
        say_what_is_lacking(rules.mode)
    progress = Progress(len(entries), sys.stderr)
    room = Classroom(folder, out, rules, progress)
    pool = cluster(options.scheduler) if options.scheduler else processes(options.jobs)
    try:
        with pool as running:
            room.run(entries, running)
    except (Unsafe, Differs) as problem:
        raise Misuse(f"nothing was graded: {problem}") from problem
    except KeyboardInterrupt:
        print("\nWhat is graded is kept; the same command goes on with the rest.", file=sys.stderr)
        raise
    finally:
        progress.close()
    book = publish(room, entries)
    print(f"{book.students} graded, seed {rules.seed}: {shown(out / 'grades.csv')}")
    print(f"What the class has not understood: {shown(out / 'report.html')}")
    if book.lost:
        print(f"Not graded, run again: {', '.join(book.lost)}", file=sys.stderr)
    return 1 if book.lost else 0
