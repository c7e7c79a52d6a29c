"""Reading a student's file without being led astray by it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path

MAX_SOURCE = 1 << 20


@dataclass(frozen=True)
class Submission:
    """One lesson file as text. `problem` says why there is no text."""

    stem: str
    path: Path
    source: str | None
    problem: str = ""


def read_submission(folder: Path, stem: str, *, follow_links: bool = True) -> Submission:
    """The file <folder>/<stem>.py. Only a regular file of at most 1 MiB of UTF-8 is read."""
    return read_file(folder / f"{stem}.py", stem, follow_links=follow_links)


def read_file(path: Path, stem: str, *, follow_links: bool = True) -> Submission:
    """One lesson file under any name."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        return Submission(stem, path, None, f"There is no file {path.name}.")
    except OSError as error:
        return Submission(stem, path, None, f"{path.name} cannot be read: {error.strerror}.")
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        return Submission(stem, path, None, f"{path.name} is not a regular file.")
    with open(descriptor, "rb") as file:
        data = file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        return Submission(stem, path, None, f"{path.name} is larger than 1 MiB.")
    try:
        return Submission(stem, path, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        problem = f"{path.name} is not UTF-8 text (byte {error.start}). Save it as UTF-8."
        return Submission(stem, path, None, problem)
