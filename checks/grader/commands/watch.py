"""Grade again on every save."""

from __future__ import annotations

import gc
from argparse import ArgumentParser, Namespace
from pathlib import Path

from checks.grader.commands.options import (
    add_lesson_files,
    add_running,
    files_of,
    ink,
    is_own,
    usable,
)

HELP = "grade again whenever a file is saved"


def add_options(parser: ArgumentParser) -> None:
    add_lesson_files(parser)
    add_running(parser)


def run(options: Namespace) -> int:
    """Grade again on every save; 0 when everything asked for is passed, 1 if left before."""
    asked = dict(files_of(options.source, options.lessons))
    files = _with_the_rest(asked, options.source)
    gc.disable()  # while PyTorch makes half a million objects that stay
    from checks.grader.running.server import Server

    with Server() as server:
        gc.freeze()  # no collection need look at them between a save and its verdict
        gc.enable()
        usable(options.device)
        from checks.grader.commands.journey import Journey
        from checks.grader.commands.terminal import Terminal
        from checks.grader.commands.watcher import Watcher
        from checks.grader.records.verdict import Settings

        settings = Settings(options.device, options.dtype, options.seed, options.time_limit)
        way = Journey.so_far() if is_own(options.source) else None
        with Terminal() as terminal:
            watcher = Watcher(server, files, settings, ink, terminal, list(asked), way)
            return 0 if watcher.run() else 1


def _with_the_rest(asked: dict[str, Path], source: str) -> dict[str, Path]:
    """The lessons of the same folder besides: when those asked for are done, they come next."""
    if not Path(source).is_dir():
        return asked
    every = files_of(source, [])
    return {stem: path for stem, path in every if stem in asked or path.exists()}
