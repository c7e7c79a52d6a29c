"""The commands: each reads its options, does its work, prints, and returns an exit status.

torch is imported inside, after the options were found good, and before anything else of the grader:
the server is forked from a process that holds no expected value.
"""

from __future__ import annotations

import json
import os
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from checks.grader.records import course
from checks.grader.records.misuse import Misuse
from checks.grader.running.device import unusable

if TYPE_CHECKING:
    from checks.grader.records.verdict import Report
    from checks.grader.reports.terminal import Ink


def check(options: Namespace) -> int:
    """Grade lesson files; 0 if everything asked for passed."""
    files = _files(options.source, options.lessons)
    for output in (options.json, options.junit, options.gradescope):
        _writable(output)
    report = _grade_confined(files, options) if options.gradescope else _grade(files, options)
    _write_outputs(report, options)
    if options.json != "-":
        from checks.grader.reports.terminal import render

        print(render(report, _ink(), every_message=len(files) == 1), end="")
    return 0 if report.passed else 1


def watch(options: Namespace) -> int:
    """Grade again on every save; 0 when everything asked for is passed, 1 if left before."""
    files = dict(_files(options.source, options.lessons))
    from checks.grader.running.server import Server

    with Server() as server:
        _usable(options.device)
        from checks.grader.commands.terminal import Terminal
        from checks.grader.commands.watch import Watcher
        from checks.grader.records.verdict import Settings

        settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
        with Terminal() as terminal:
            return 0 if Watcher(server, files, settings, _ink(), terminal).run() else 1


def hint(options: Namespace) -> int:
    """Print the next hint of a function; of the first open one if only the lesson is named."""
    from checks.grader.commands.hints import next_hint

    lesson, _, function = options.target.partition(".")
    stem = _stem(lesson)
    if not function:
        function = _first_open(stem)
    print(next_hint(stem, function))
    return 0


def reset(options: Namespace) -> int:
    """Put the stub back; the student's file stays beside it."""
    from checks.grader.author.stub import put_back

    stem = _stem(options.lesson)
    try:
        backup = put_back(stem, course.ROOT / "exercises")
    except (LookupError, OSError) as problem:
        raise Misuse(str(problem)) from problem
    if backup:
        print(f"Your file is kept as {_shown(backup)}.")
    print(f"The stub is back: {_shown(course.ROOT / 'exercises' / f'{stem}.py')}")
    return 0


def verify(options: Namespace) -> int:
    """Run the solutions in both dtypes and every claim of the notes; 0 if all hold."""
    stems = _stems(options.lessons)
    if not (course.ROOT / "solutions").is_dir():
        raise Misuse("there is no folder solutions/ in this copy of the course")
    from checks.grader.running.server import Server

    with Server() as server:
        _usable(options.device)
        from checks.grader.author.verify import verify_course

        return verify_course(server, stems, options.device, options.seed, _ink())


def draw(options: Namespace) -> int:
    """Save the pictures of lesson files; 0 if all of them could be drawn."""
    files = _files(options.source, options.lessons)
    from checks.grader.running.server import Server

    with Server() as server:
        from checks.grader.figures.save import draw_all

        drawn = []
        for line, picture in draw_all(server, files, Path(options.out), options.time_limit):
            print(line, flush=True)
            drawn.append(picture is not None)
    return 0 if all(drawn) else 1


def classroom(options: Namespace) -> int:
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
        _say_what_is_lacking(rules.mode)
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
    print(f"{book.students} graded, seed {rules.seed}: {_shown(out / 'grades.csv')}")
    print(f"What the class has not understood: {_shown(out / 'report.html')}")
    if book.lost:
        print(f"Not graded, run again: {', '.join(book.lost)}", file=sys.stderr)
    return 1 if book.lost else 0


def _grade(files: list[tuple[str, Path]], options: Namespace) -> Report:
    """Start the server, then let the judge think."""
    from checks.grader.running.server import Server

    with Server() as server:
        _usable(options.device)
        from checks.grader.grading.judge import grade_all
        from checks.grader.records.verdict import Settings
        from checks.grader.running.intake import read_file

        settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
        submissions = [read_file(path, stem) for stem, path in files]
        return grade_all(server, submissions, settings)


def _grade_confined(files: list[tuple[str, Path]], options: Namespace) -> Report:
    """Grade a copy of the files under the sandbox, as far as this machine has one."""
    from checks.grader.classroom.marking import Desk
    from checks.grader.classroom.parcel import open_parcel
    from checks.grader.records.verdict import Settings

    _usable(options.device)
    _say_what_is_lacking("auto")
    settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
    parcel = open_parcel(Path(options.source))
    with Desk(settings, "off" if options.device != "cpu" else "auto") as desk:
        return desk.report(parcel, [stem for stem, _ in files])


def _say_what_is_lacking(mode: str) -> None:
    from checks.grader.running.sandbox import lacking

    if mode == "auto" and lacking():
        print(f"checks: weaker isolation without {'; '.join(lacking())}", file=sys.stderr)
    elif mode == "off":
        print("checks: no sandbox: submissions can read and write your files", file=sys.stderr)


def _usable(device: str) -> None:
    problem = unusable(device)
    if problem:
        raise Misuse(problem)


def _files(source: str, lessons: list[str]) -> list[tuple[str, Path]]:
    """The stem and path of every file to grade."""
    path = Path(source)
    if path.is_dir():
        return [(stem, path / f"{stem}.py") for stem in _stems(lessons)]
    if not path.exists():
        raise Misuse(
            f"there is no {source!r}: --from takes a folder with lesson files, or one file"
        )
    stems = _stems(lessons) if lessons else [_stem(path.stem)]
    if len(stems) != 1:
        raise Misuse(f"{source!r} is one file: name the one lesson that it holds")
    return [(stems[0], path)]


def _stem(name: str) -> str:
    return _stems([name])[0]


def _stems(names: list[str]) -> list[str]:
    try:
        return course.find_all(names)
    except LookupError as problem:
        raise Misuse(str(problem.args[0])) from problem


def _first_open(stem: str) -> str:
    """The first exercise of a student's lesson that is not passed; its first if all are."""
    options = Namespace(device="cpu", dtype="float32", seed=0, time_limit=10.0)
    report = _grade([(stem, course.ROOT / "exercises" / f"{stem}.py")], options)
    verdicts = report.lessons[0].verdicts
    return next((v.exercise for v in verdicts if v.status != "passed"), verdicts[0].exercise)


def _writable(output: str | None) -> None:
    if output not in (None, "-") and not Path(str(output)).resolve().parent.is_dir():
        raise Misuse(f"cannot write {output}: its folder does not exist")


def _write_outputs(report: Report, options: Namespace) -> None:
    from checks.grader.reports.export import junit, write_text

    text = json.dumps(report.as_json(), ensure_ascii=False, indent=2) + "\n"
    if options.json == "-":
        print(text, end="")
    elif options.json:
        write_text(Path(options.json), text)
    if options.junit:
        write_text(Path(options.junit), junit(report))
    if options.gradescope:
        from checks.grader.reports.gradescope import gradescope

        text = json.dumps(gradescope(report), ensure_ascii=False, indent=1) + "\n"
        write_text(Path(options.gradescope), text)


def _ink() -> Ink:
    from checks.grader.reports.terminal import Ink

    return Ink(sys.stdout.isatty() and "NO_COLOR" not in os.environ)


def _shown(path: Path) -> str:
    """A path as short as it can be written from here."""
    return os.path.relpath(path) if path.is_relative_to(Path.cwd()) else str(path)
