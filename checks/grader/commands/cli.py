"""The command line. Options are read before torch is imported, so misuse is answered at once."""

from __future__ import annotations

import argparse
import contextlib
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn

from checks.grader.commands import commands
from checks.grader.records.course import ROOT
from checks.grader.records.misuse import Misuse


class Parser(argparse.ArgumentParser):
    """One line in place of argparse's usage dump."""

    def error(self, message: str) -> NoReturn:
        raise Misuse(f"{message} (see python -m {self.prog} --help)")


def run() -> NoReturn:
    """`python -m checks`. Leaves without tearing torch down, which takes a third of a second."""
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
    """`check` unless a command, or --help, comes first."""
    if arguments and arguments[0] in (*names, "-h", "--help"):
        return list(arguments)
    return ["check", *arguments]


def _parser() -> tuple[Parser, tuple[str, ...]]:
    top = Parser(
        prog="checks",
        description="Check the exercises of the backpropagation course.",
        epilog="Without a command: check.",
    )
    subparsers = top.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser)
    _check(subparsers.add_parser("check", help="grade exercises/"))
    _watch(subparsers.add_parser("watch", help="grade again whenever a file is saved"))
    _hint(subparsers.add_parser("hint", help="the next hint, mild to explicit"))
    _reset(subparsers.add_parser("reset", help="put a stub back, keeping your file as a backup"))
    _verify(subparsers.add_parser("verify", help="run the solutions and every claim"))
    _draw(subparsers.add_parser("draw", help="pictures of graphs, training and surfaces"))
    _classroom(subparsers.add_parser("classroom", help="grade a folder of submissions"))
    return top, tuple(subparsers.choices)


def _check(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.check)
    _lesson_files(parser)
    _running(parser)
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON; - for stdout")
    parser.add_argument("--junit", metavar="FILE", help="write the report as JUnit XML")
    parser.add_argument("--gradescope", metavar="FILE", help="write Gradescope's results.json")


def _watch(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.watch)
    _lesson_files(parser)
    _running(parser)


def _lesson_files(parser: argparse.ArgumentParser) -> None:
    """Which lessons, and where their files are."""
    parser.add_argument("lessons", nargs="*", metavar="LESSON", help="3, lesson3 or its full name")
    parser.add_argument(
        "--from",
        dest="source",
        default=os.path.relpath(ROOT / "exercises"),
        metavar="PATH",
        help="a folder with lesson files, or one lesson file (default: exercises)",
    )


def _running(parser: argparse.ArgumentParser) -> None:
    """The options of everything that runs student code."""
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--dtype", choices=("float32", "float64"), default="float32")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draw other inputs")
    _time_limit(parser)


def _time_limit(parser: argparse.ArgumentParser, default: float = 10.0) -> None:
    parser.add_argument(
        "--time-limit",
        type=_positive,
        default=default,
        metavar="SECONDS",
        help=f"per exercise (default: {default:g})",
    )


def _hint(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.hint)
    parser.add_argument("target", metavar="LESSON[.FUNCTION]", help="3 or 3.grad_by_hand")


def _reset(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.reset)
    parser.add_argument("lesson", metavar="LESSON")


def _verify(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.verify)
    parser.add_argument("lessons", nargs="*", metavar="LESSON")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="draw other inputs")


def _draw(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.draw)
    _lesson_files(parser)
    parser.add_argument(
        "--out",
        default=os.path.relpath(ROOT / "figures"),
        metavar="DIR",
        help="where the PNG and SVG files go (default: figures)",
    )
    _time_limit(parser, default=30.0)  # a training of 10000 epochs takes its time


def _classroom(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=commands.classroom)
    parser.add_argument("folder", metavar="DIR", help="a folder or a zip file per student")
    parser.add_argument(
        "--out", default="results", metavar="DIR", help="where the results go (default: results)"
    )
    parser.add_argument(
        "--jobs", type=_count, default=_processors(), metavar="N", help="processes (default: all)"
    )
    parser.add_argument("--seed", type=int, metavar="N", help="default: drawn, and recorded")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, tcp://…")
    parser.add_argument(
        "--sandbox",
        choices=("auto", "require", "off"),
        default="auto",
        help="isolation: what there is (auto), all of it or nothing is graded (require), none",
    )
    _time_limit(parser)


def _processors() -> int:
    """The processors that this process may use."""
    own = getattr(os, "sched_getaffinity", None)
    return len(own(0)) if own else os.cpu_count() or 1


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text} is not a number from 1 to 1024")
    return value


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e6:
        raise argparse.ArgumentTypeError(f"{text} is not a positive number of seconds")
    return value
