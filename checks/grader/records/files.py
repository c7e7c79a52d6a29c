"""Writing files so that a reader, or the next run, never finds half of one."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from checks.grader.records.misuse import Misuse


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all. Raises Misuse where it cannot be written."""
    with written_whole(path) as file:
        file.write(text)


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file to write that takes its place at the end, whole, in a folder that is made if need be.

    Raises Misuse. What a killed program leaves beside it is overwritten by the next one.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with open(part, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        with contextlib.suppress(OSError):  # on a full disk it would keep what others need
            part.unlink()
        raise Misuse(f"cannot write {path}: {error.strerror}") from error
