"""Writing files so that a reader, or the next run, never finds half of one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from checks.grader.records.misuse import Misuse


@contextmanager
def written_whole(path: Path) -> Iterator[TextIO]:
    """A file to write that takes its place at the end, whole. Raises Misuse.

    What a killed program leaves beside it is overwritten by the next one.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        with open(part, "w", encoding="utf-8", newline="\n") as file:
            yield file
        os.replace(part, path)
    except OSError as error:
        raise Misuse(f"cannot write {path}: {error.strerror}") from error
