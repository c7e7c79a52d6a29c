"""The command line. Options are read before torch is imported, so misuse is answered at once."""

from __future__ import annotations

import argparse
import contextlib
import difflib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from checks.grader.commands import (
    check,
    classroom,
    draw,
    hint,
    init,
    lesson,
    notebook,
    reset,
    verify,
    watch,
)
from checks.grader.records.course import lacks_torch
from checks.grader.records.misuse import Misuse
from checks.grader.running.inside.stand_ins import put_in_place

#: A command is a module of its name: HELP, add_options(parser) and run(options).
COMMANDS = (check, watch, hint, reset, draw, notebook, init, verify, classroom, lesson)


class Parser(argparse.ArgumentParser):
    """One line in place of argparse's usage dump."""

    def error(self, message: str) -> NoReturn:
        raise Misuse(f"{message} (see python -m {self.prog} --help)")


def run() -> NoReturn:
    """`python -m checks`. Leaves without tearing torch down, which takes a third of a second."""
    put_in_place()
    status = main(sys.argv[1:])
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(status)


def main(arguments: Sequence[str]) -> int:
    """The exit status: 0 everything passed, 1 something did not, 2 misuse."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch: a fork must find one thread
    try:
        top, names = _parser()
        options = top.parse_args(_with_default(arguments, names))
        command: Callable[[argparse.Namespace], int] = options.run
        if command is not init.run and (problem := lacks_torch()):
            raise Misuse(problem)
        return command(options)
    except Misuse as misuse:
        print(f"checks: {misuse}", file=sys.stderr)
        return 2
    except SystemExit as leaving:  # --help
        return int(leaving.code or 0)
    except BrokenPipeError:  # the reader of a pipe has left
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted.", file=sys.stderr)
        return 1


def _with_default(arguments: Sequence[str], names: Sequence[str]) -> list[str]:
    """`check` unless a command, or --help, comes first. Raises Misuse for a misspelt command."""
    if arguments and arguments[0] in (*names, "-h", "--help"):
        return list(arguments)
    near = difflib.get_close_matches(arguments[0], names, n=1) if arguments else []
    if near:
        raise Misuse(f"there is no lesson {arguments[0]!r}, nor a command: did you mean {near[0]}?")
    return ["check", *arguments]


def _parser() -> tuple[Parser, tuple[str, ...]]:
    top = Parser(
        prog="checks",
        description="Check the exercises of the backpropagation course.",
        epilog="Without a command: check.",
    )
    subparsers = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    for command in COMMANDS:
        name = command.__name__.rpartition(".")[2]
        parser = subparsers.add_parser(name, help=command.HELP)
        command.add_options(parser)
        parser.set_defaults(run=command.run)
    return top, tuple(subparsers.choices)
