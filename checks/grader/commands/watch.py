"""Grade again on every save."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from checks.grader.commands.options import (
    add_lesson_files,
    add_running,
    files_of,
    ink,
    usable,
)

HELP = "grade again whenever a file is saved"


def add_options(parser: ArgumentParser) -> None:
    add_lesson_files(parser)
    add_running(parser)


def run(options: Namespace) -> int:
    """Grade again on every save; 0 when everything asked for is passed, 1 if left before."""
    files = dict(files_of(options.source, options.lessons))
    from checks.grader.running.server import Server

    with Server() as server:
        usable(options.device)
        from checks.grader.commands.terminal import Terminal
        from checks.grader.commands.watcher import Watcher
        from checks.grader.records.verdict import Settings

        settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
        with Terminal() as terminal:
            return 0 if Watcher(server, files, settings, ink(), terminal).run() else 1
