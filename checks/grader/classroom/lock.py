"""One run at a time in a folder of results."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from checks.grader.records.misuse import Misuse

LOCK = ".lock"
#: What decided about each result of a run.
JOURNAL = "journal.jsonl"


@contextmanager
def only_run(out: Path) -> Iterator[None]:
    """Hold the folder. The system lets go of it when the process ends, however it ends.

    Raises Misuse if another run holds it.
    """
    path = out / LOCK
    try:
        while True:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
            if not _held(descriptor):
                other = os.read(descriptor, 32).decode(errors="replace").strip()
                os.close(descriptor)
                raise Misuse(f"another run (process {other}) is writing to {out}: wait for it")
            if _is_still(path, descriptor):
                break
            os.close(descriptor)  # whoever held it has just removed it
    except OSError as error:
        raise Misuse(f"cannot lock the folder {out}: {error.strerror}") from error
    try:
        os.ftruncate(descriptor, 0)
        with contextlib.suppress(OSError):  # a full disk holds the lock, but not for whom
            os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        if sys.platform != "win32":
            path.unlink(missing_ok=True)
        os.close(descriptor)


def is_results(folder: Path) -> bool:
    """Whether a folder is what came out of a run."""
    return (folder / JOURNAL).is_file()


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    def _held(descriptor: int) -> bool:
        try:
            os.lseek(descriptor, 1024, os.SEEK_SET)  # beyond the number of the process
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
        return True
else:
    import fcntl

    def _held(descriptor: int) -> bool:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
