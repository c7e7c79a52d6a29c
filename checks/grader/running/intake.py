"""Reading a student's file without being led astray by it."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_SOURCE = 1 << 20


@dataclass(frozen=True)
class LessonFile:
    """One lesson file as text. `problem` says why there is no text.

    room   the only folder that a confined process may use; it holds the file
    """

    stem: str
    path: Path
    source: str | None
    problem: str = ""
    room: Path | None = None


class Unreadable(Exception):
    """A file that is not read. The message says why, in words that follow its name."""


def read_lesson_file(folder: Path, stem: str, *, follow_links: bool = True) -> LessonFile:
    """The file <folder>/<stem>.py. Only a regular file of at most 1 MiB of UTF-8 is read."""
    return read_file(folder / f"{stem}.py", stem, follow_links=follow_links)


def read_file(path: Path, stem: str, *, follow_links: bool = True) -> LessonFile:
    """One lesson file under any name."""
    try:
        text = text_of(contents(path, follow_links=follow_links))
        if path.suffix == ".ipynb":
            from checks.grader.records.cells import source_of  # few need it

            text = source_of(text)
        return LessonFile(stem, path, text)
    except ValueError as problem:
        return LessonFile(stem, path, None, f"{path.name} {problem}.")
    except FileNotFoundError:
        return LessonFile(stem, path, None, f"There is no file {path.name}.")
    except Unreadable as problem:
        return LessonFile(stem, path, None, f"{path.name} {problem}")


def contents(path: Path, *, follow_links: bool = True) -> bytes:
    """A regular file of at most 1 MiB. Raises FileNotFoundError or Unreadable."""
    with opened(path, follow_links=follow_links) as file:
        data = file.read(MAX_SOURCE + 1)
    if len(data) > MAX_SOURCE:
        raise Unreadable("is larger than 1 MiB.")
    return data


def opened(path: Path, *, follow_links: bool = True) -> BinaryIO:
    """A regular file, open to be read. Raises FileNotFoundError or Unreadable."""
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    if not follow_links:
        flags |= getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, flags)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror}.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise Unreadable("is not a regular file.")
    return open(descriptor, "rb")


def text_of(data: bytes) -> str:
    """The text of a file. Raises Unreadable."""
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not UTF-8 text (byte {error.start}). Save it as UTF-8.") from error
