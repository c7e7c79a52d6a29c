"""Grade a class."""

from __future__ import annotations

import sys
from argparse import ArgumentParser, BooleanOptionalAction, Namespace
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from checks.grader.commands.check import say_what_is_lacking
from checks.grader.commands.options import (
    add_time_limit,
    count,
    processors,
    shown,
    stems_of,
)
from checks.grader.records.misuse import Misuse

if TYPE_CHECKING:
    from checks.grader.classroom.enrolment import Enrolment
    from checks.grader.classroom.marking import Rules
    from checks.grader.classroom.run import Classroom

HELP = "grade a folder of submissions, or what a learning platform exported"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        metavar="DIR",
        help="a folder or an archive per student, or the export of a platform as it was downloaded",
    )
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="3, lesson3 or its full name")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="where the results go (default: results)"
    )
    parser.add_argument(
        "--roster", metavar="FILE", help="CSV of the class: names, ids, e-mail addresses"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="only write matching.csv: which file is whose and which lesson",
    )
    parser.add_argument("--match", metavar="FILE", help="a matching.csv that was corrected by hand")
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
    parser.add_argument(
        "--graphs",
        action=BooleanOptionalAction,
        default=True,
        help="on the feedback pages, the graph of the student's own code where a gradient is wrong "
        "(default: yes; it takes a tenth of the time)",
    )
    add_time_limit(parser)


def run(options: Namespace) -> int:
    """Grade a folder of submissions; 0 if all of them were graded."""
    from checks.grader.classroom.enrolment import Enrolment
    from checks.grader.classroom.lock import only_run
    from checks.grader.classroom.publish import make_folders

    stems = stems_of(options.lessons)
    out = Path(options.out)
    enrolment = Enrolment.open(Path(options.folder), out, stems, options.roster, options.match)
    with closing(enrolment):
        if enrolment.ignored:
            print(f"Of no student, by the name: {', '.join(enrolment.ignored)}", file=sys.stderr)
        make_folders(out)
        with only_run(out):
            if options.dry_run:
                return _dry_run(enrolment, out)
            return _grade(enrolment, out, options)


def _dry_run(enrolment: Enrolment, out: Path) -> int:
    from checks.grader.classroom.matchfile import write_matching
    from checks.grader.records.files import written_whole

    path = out / "matching.csv"
    with written_whole(path) as file:
        write_matching(enrolment.read(), enrolment.ignored, file)
    print(f"{len(enrolment.entries)} students. Which file is whose and which lesson: {shown(path)}")
    print(f"Nothing was graded. Correct the file where it is wrong, then --match {shown(path)}")
    return 0


def _grade(enrolment: Enrolment, out: Path, options: Namespace) -> int:
    from checks.grader.classroom.closing import last_line
    from checks.grader.classroom.progress import Progress
    from checks.grader.classroom.publish import publish
    from checks.grader.classroom.run import Classroom, prepare

    stems, seed = enrolment.stems, options.seed
    rules = prepare(out, stems, seed, options.time_limit, options.sandbox, options.graphs)
    if not options.scheduler:
        say_what_is_lacking(rules.mode)
    progress = Progress(len(enrolment.entries), sys.stderr)
    room = Classroom(enrolment.submission, out, rules, progress)
    try:
        _run(room, enrolment, rules, options)
    finally:
        progress.close()
    book = publish(room, enrolment.entries, stems)
    print(f"{book.students} graded, seed {rules.seed}: {shown(out / 'grades.csv')}")
    print(f"To hand back: {shown(out / 'feedback')}; for a gradebook: canvas.csv and moodle.csv")
    print(f"What to teach tomorrow: {shown(out / 'report.html')}")
    print(book.isolation)
    print(last_line(book))
    return 1 if book.lost else 0


def _run(room: Classroom, enrolment: Enrolment, rules: Rules, options: Namespace) -> None:
    from checks.grader.classroom.marking import Differs, Unsafe, try_out
    from checks.grader.classroom.pool import cluster, processes

    ready = partial(try_out, rules)
    pool = cluster(options.scheduler, ready) if options.scheduler else processes(options.jobs)
    try:
        with pool as running:
            for worker, why in running.unable.items():
                print(f"checks: the worker {worker} cannot grade: {why}", file=sys.stderr)
            room.run(enrolment.entries, running)
    except (Unsafe, Differs) as problem:
        raise Misuse(f"nothing was graded: {problem}") from problem
    except KeyboardInterrupt:
        print("\nWhat is graded is kept; the same command goes on with the rest.", file=sys.stderr)
        raise
