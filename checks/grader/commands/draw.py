"""Draw what a lesson file computes: as pictures, or as a page to step through."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

from checks.grader.commands.options import (
    add_lesson_files,
    add_time_limit,
    files_of,
)
from checks.grader.records.course import home

TIME_LIMIT = 30.0  # seconds per picture: a training of 10000 epochs takes its time
HELP = "pictures of graphs, training and surfaces"


def figures() -> str:
    """Where pictures go unless said otherwise: beside exercises/."""
    return os.path.relpath(home() / "figures")


def add_options(parser: ArgumentParser) -> None:
    add_lesson_files(parser)
    parser.add_argument(
        "--out",
        default=figures(),
        metavar="DIR",
        help="where the files go (default: figures)",
    )
    parser.add_argument(
        "--html",
        action="store_true",
        help="instead, a page per lesson to step through the graph of your code in a browser",
    )
    add_time_limit(parser, default=TIME_LIMIT)


def run(options: Namespace) -> int:
    """Save the pictures, or pages, of lesson files; 0 if all of them could be drawn."""
    files = files_of(options.source, options.lessons)
    from checks.grader.running.server import Server

    with Server() as server:
        from checks.grader.figures.save import draw_all, draw_pages

        draw = draw_pages if options.html else draw_all
        drawn = []
        for line, made in draw(server, files, Path(options.out), options.time_limit):
            print(line, flush=True)
            drawn.append(made is not None)
    return 0 if all(drawn) else 1


def save_pictures(files: list[tuple[str, Path]], folder: Path) -> None:
    """Draw lesson files from a process that has been at work: what it printed stands, whatever
    becomes of this.
    """
    from checks.grader.figures.save import draw_all
    from checks.grader.running.server import Server

    try:
        with Server("exec" if sys.platform == "linux" else None) as server:
            for line, _ in draw_all(server, files, folder, TIME_LIMIT):
                print(f"  {line}", flush=True)
    except BrokenPipeError:  # the reader of a pipe has left
        os._exit(1)
    except Exception as problem:
        print(f"No pictures: {problem}")
