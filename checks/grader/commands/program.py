"""A lesson file run as a program: the training log and the pictures of its own functions."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path

from checks.grader.commands.draw import figures, save_pictures
from checks.grader.language.lesson import load
from checks.grader.running.device import unusable


def run(file: str) -> None:
    """`python solutions/lesson1_linear.py [--device cuda]`; a plain message if it is unfilled."""
    path = Path(file)
    parser = argparse.ArgumentParser(prog=path.name, description="Print the training log.")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    device = parser.parse_args().device
    problem = unusable(device)
    if problem:
        parser.exit(2, f"{problem}\n")
    lesson = load(path.stem)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    try:
        if lesson.program is not None:
            lesson.program(module, device)
            print(flush=True)
    except BrokenPipeError:  # the reader of a pipe has left
        os._exit(1)
    except NotImplementedError as unfinished:
        print(f"Not finished yet: {unfinished}\nFill it in, then run this file again.")
        sys.exit(1)
    save_pictures([(path.stem, path)], Path(figures()))
